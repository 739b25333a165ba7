"""Saying that a name stands for several sets of cells: which is shown, and how to see another."""

from __future__ import annotations

from collections.abc import Iterable

from mood_sweeps.launching.launch_status import is_running
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.revisions import Revision, revisions_of

__all__ = ["how_to_see", "of_the_same_name", "replaced_meanwhile", "what_is_shown"]


def how_to_see(revision: Revision) -> str:
    """Return the command that shows a revision."""
    return f"mood-sweep results --sweep {revision.sweep} --revision {revision.id}"


def what_is_shown(results: Results, sweep: str, shown: int | None = None) -> str | None:
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
        return f"{sweep}: {here[0]} is shown; {last} is not: {how_to_see(last)}"
    return (
        f"{sweep}: {here[0]} is shown; {len(others)} others are not, the newest of them {last}: "
        f"{how_to_see(last)}, or all with --history"
    )


def of_the_same_name(
    results: Results, sweep: str, revision: int, launch: int | None, *, is_changed: bool
) -> list[str]:
    """Return what a launch that begins has to say of other revisions of its name.

    launch: its own id, if it has one. is_changed: whether the sweep's revision was another before.
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
        f"shows what was launched last, now {own}; the other: {how_to_see(found[other])}"
        for other, number in sorted(running.items())
    ]
    if not lines and is_changed and found:
        before = list(found.values())[-1]
        lines.append(f"{sweep}: {own} takes the place of {before}, see {how_to_see(before)}")
    return lines


def replaced_meanwhile(found: Iterable[Revision], revision: int) -> list[str]:
    """Return what a launch that ends has to say where another took its place meanwhile."""
    by_id = {each.id: each for each in found}
    own = by_id[revision]
    current = next((each for each in by_id.values() if each.is_current), own)
    if current is own:
        return []
    return [
        f"{own.sweep!r} was launched with {current} meanwhile, which is what results shows now; "
        f"the rows of this launch: {how_to_see(own)}"
    ]
