"""Lines for users on a name with several revisions: which is shown, and how to see another."""

from __future__ import annotations

from collections.abc import Iterable

from mood_sweeps.launching.launch_status import is_running
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.revisions import Revision, revisions_of

__all__ = ["replacement_lines", "same_name_lines", "show_command", "shown_revision_line"]


def show_command(revision: Revision) -> str:
    """Return the command that shows a revision."""
    return f"mood-sweep results --sweep {revision.sweep} --revision {revision.id}"


def shown_revision_line(results: Results, sweep: str, shown: int | None = None) -> str | None:
    """Return which revision of a sweep is shown and which are not; None where it has only one.

    shown: its id; default: the current one, which the view `results` shows.
    """
    found = revisions_of(results.database, sweep)
    here = [each for each in found if each.id == shown or (shown is None and each.is_current)]
    others = [each for each in found if each not in here]
    if not here or not others:
        return None
    last = others[-1]
    if len(others) == 1:
        return f"{sweep}: {here[0]} is shown; {last} is not: {show_command(last)}"
    return (
        f"{sweep}: {here[0]} is shown; {len(others)} others are not, the newest of them {last}: "
        f"{show_command(last)}, or all with --history"
    )


def same_name_lines(
    results: Results, sweep: str, revision: int, launch: int | None, *, is_changed: bool
) -> list[str]:
    """Return the lines that a beginning launch prints about other revisions of its name.

    launch: its id, if it has one. is_changed: whether the launch changed the current revision.
    """
    found = {each.id: each for each in revisions_of(results.database, sweep)}
    own = found.pop(revision)
    running = {
        row["revision"]: row["id"]
        for row in results.launches(open_only=True)
        if row["id"] != launch and row["revision"] in found and is_running(row)
    }
    lines = [
        f"launch {number} is running under the name {sweep!r} too, with {found[other]}; results "
        f"shows the revision launched last, now {own}; the other: {show_command(found[other])}"
        for other, number in sorted(running.items())
    ]
    if not lines and is_changed and found:
        before = list(found.values())[-1]
        lines.append(f"{sweep}: {own} replaces {before}, see {show_command(before)}")
    return lines


def replacement_lines(found: Iterable[Revision], revision: int) -> list[str]:
    """Return the lines that an ending launch prints if another replaced its revision meanwhile."""
    by_id = {each.id: each for each in found}
    own = by_id[revision]
    current = next((each for each in by_id.values() if each.is_current), own)
    if current is own:
        return []
    return [
        f"{own.sweep!r} was launched with {current} meanwhile, which results shows now; "
        f"the rows of this launch: {show_command(own)}"
    ]
