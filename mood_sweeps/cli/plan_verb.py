"""mood-sweep plan: what a sweep comes down to, before anything runs. Imports nothing heavy."""

from __future__ import annotations

from collections import Counter

import click

from mood_sweeps.api import plan, results_if_any
from mood_sweeps.cli.experiment_file import sweep_from
from mood_sweeps.cli.options import data_roots, overrides, sweep_file, workspace
from mood_sweeps.cli.wording import counted
from mood_sweeps.launching.pending_work import PendingWork, estimate_seconds, find_pending_work
from mood_sweeps.launching.run_counts import clock
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.plan import Plan, scoring_keys
from mood_sweeps.results.read_results import Results
from mood_sweeps.stage_kinds import STAGE_KINDS
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("plan")
@sweep_file
@overrides
@data_roots
@workspace
def command(
    file: str, overrides: tuple[str, ...], data_roots: tuple[str, ...], workspace: Workspace
) -> None:
    """Show what the sweep in FILE.yaml comes down to. Nothing is run, nothing is written."""
    planned = plan(sweep_from(file, overrides, data_roots))
    results = results_if_any(workspace)
    work = find_pending_work(planned, results, workspace.open_store(), repair=False)
    for line in describe(planned, work, results):
        click.echo(line)


def describe(planned: Plan, work: PendingWork, results: Results | None) -> list[str]:
    """Return the plan in words, line by line."""
    n_cells = len(planned.cells)
    n_removed = sum(planned.removed.values())
    lines = [
        f"sweep {planned.sweep.name}: {counted(n_cells, 'cell')}"
        + (f" of {n_cells + n_removed:,} in the full grid" if n_removed else ""),
    ]
    if planned.removed:
        lines += ["", "cells removed by rules"]
        ordered = sorted(planned.removed.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"  {number:>8,}  {rule}" for rule, number in ordered]
    lines += ["", f"  {'stage':<10}{'unique':>10}{'done':>10}{'to run':>10}"]
    to_run = _stages_to_run(planned, work)
    for kind, number in _in_order(planned.stage_counts()):
        waiting = to_run.get(kind, 0)
        lines.append(f"  {kind:<10}{number:>10,}{number - waiting:>10,}{waiting:>10,}")
    lines += _tuned(planned)
    lines.append("")
    if work.adopted:
        lines.append(
            f"in the store, only lacking their row: {counted(len(work.adopted), 'number')}"
        )
    if not work.calls:
        lines.append("nothing to run")
        return lines
    lines.append(_estimate(work.calls, results))
    return lines


def _tuned(planned: Plan) -> list[str]:
    """Return what is tuned, each choice once."""
    lines = []
    for tuned in dict.fromkeys(stage.tuned for stage in planned.stages()):
        if tuned is None:
            continue
        search = tuned.search
        names = ", ".join(name for name, _ in search.space)
        line = f"  {tuned.label}: {search.samples} settings of {names}"
        if len(tuned.rungs) > 1:
            line += f"; rungs at {', '.join(map(str, tuned.rungs))} epochs"
        lines.append(line)
        if not search.is_deterministic:
            lines.append("    not deterministic: its weights are no function of their key")
    return ["", "tuned by accuracy on validation images", *lines] if lines else []


def _estimate(calls: tuple[Call, ...], results: Results | None) -> str:
    measured = results.seconds_per_unit() if results is not None else {}
    known = [call for call in calls if (call.kind, call.method) in measured]
    total = f"{counted(len(calls), 'call')} to run"
    if not known:
        return f"{total}; time unknown: nothing like them was measured in this workspace yet"
    seconds = sum(estimate_seconds(known, measured).values())
    unknown = len(calls) - len(known)
    missing = f", without {unknown:,} of a kind never measured" if unknown else ""
    return (
        f"{total}; about {clock(seconds)} of one worker's time, "
        f"{clock(seconds / 2)} on two{missing} (from measured history)"
    )


def _stages_to_run(planned: Plan, work: PendingWork) -> dict[str, int]:
    counts: Counter[str] = Counter()
    open_scores: set[str] = set()
    for call in work.calls:
        if call.scoring is not None:
            open_scores.update(request.evaluation_key for request in call.scoring.evaluations)
        else:
            counts[call.kind] += len(call.stages)
    finished = [cell for cell in planned.cells if cell.evaluation_key not in open_scores]
    waiting = [cell for cell in planned.cells if cell.evaluation_key in open_scores]
    done = scoring_keys(finished)
    for kind, keys in scoring_keys(waiting).items():
        counts[kind] = len(keys - done[kind])
    return dict(counts)


def _in_order(counts: dict[str, int]) -> list[tuple[str, int]]:
    return [(kind, counts[kind]) for kind in STAGE_KINDS if counts.get(kind)]
