"""One word for each thing, in plain English: CONTRIBUTING.md and docs/glossary.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

OF_PEOPLE = re.compile(r"\b(who|whose|whom|whoever|nobody)\b", re.IGNORECASE)
PEOPLE = re.compile(
    r"(authors?|users?|readers?|persons?|people|researchers?|newcomers?|al\. \(\d{4}\)),? who",
    re.IGNORECASE,
)

RETIRED = {
    "Attempt": "CallInFlight",
    "Cut": "MicroBatches",
    "Launched": "LaunchResult",
    "Meeting": "Rendezvous",
    "OpenWork": "PendingWork",
    "Performance": "CallRunner is gone, too: a file in jobs/",
    "Pulse": "HeadMonitor",
    "Seat": "WorkerRank",
    "Tally": "RunCounts",
    "Team": "ProcessGroup",
    "came_from": "input_digests",
    "performs_here": "runs_in_this_process",
    "settled": "with_preset",
}
"""Names that were replaced, and by which: a thing keeps its one name."""


def written() -> list[Path]:
    """Return every text of the project but this one, and RESULTS.md, which is a record."""
    code = [
        file
        for folder in ("mood_sweeps", "tests", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        if file != Path(__file__)
    ]
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "experiments").glob("*")]
    return sorted([*code, *texts])


def test_things_are_not_called_who() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in written()
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if OF_PEOPLE.search(PEOPLE.sub("", line))
    ]
    assert not wrong, "'who' is for people only:\n" + "\n".join(wrong)


def test_retired_names_do_not_come_back() -> None:
    names = re.compile(rf"\b({'|'.join(RETIRED)})\b")
    wrong = [
        f"{file.relative_to(ROOT)}:{number}: {found[1]} is now {RETIRED[found[1]]}"
        for file in sorted((ROOT / "mood_sweeps").rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if not line.lstrip().startswith(("#", '"')) and (found := names.search(line))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_glossary_has_one_line_for_each_word() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    words = [word for word in words if word and not word.startswith("**")]
    assert len(words) == len(set(words))
    assert len(words) > 40
