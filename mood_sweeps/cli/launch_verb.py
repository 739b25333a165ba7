"""mood-sweep launch: run what is missing, show it live, end with the comparative table."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from mood_sweeps.api import plan
from mood_sweeps.cli.options import overrides, sweep_file, workspace
from mood_sweeps.launching.launch import launch
from mood_sweeps.launching.launched import Launched
from mood_sweeps.launching.options import Options
from mood_sweeps.launching.progress import LiveProgress, PlainProgress, Reporter
from mood_sweeps.launching.reporting import scorer_families
from mood_sweeps.launching.tally import clock
from mood_sweeps.planner.plan import Plan
from mood_sweeps.spec.load import load_sweep
from mood_sweeps.workspace import Workspace

__all__ = ["command"]

PLAIN_WIDTH = 140
MOST_LINES = 20


@click.command("launch")
@sweep_file
@overrides
@click.option(
    "--executor",
    type=click.Choice(["ray", "inline"]),
    default="ray",
    show_default=True,
    help="Ray actors, or this very process (best for debugging).",
)
@click.option(
    "--address", metavar="HOST:PORT", help="A running Ray cluster; default: start one here."
)
@click.option("--workers", type=click.IntRange(min=1), help="At most so many CPU workers.")
@click.option(
    "--gpus-per-worker",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of a GPU for each training or extracting worker, where there are GPUs.",
)
@click.option("--fail-fast", is_flag=True, help="Start nothing new after the first failure.")
@click.option(
    "--max-failures", type=click.IntRange(min=1), help="Start nothing new after so many failures."
)
@click.option("--no-mlflow", is_flag=True, help="Do not mirror into MLflow now.")
@click.option(
    "--mlflow-wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait at the end for MLflow to catch up.",
)
@workspace
def command(
    file: str,
    overrides: tuple[str, ...],
    executor: str,
    address: str | None,
    workers: int | None,
    gpus_per_worker: float,
    fail_fast: bool,
    max_failures: int | None,
    no_mlflow: bool,
    mlflow_wait: float,
    workspace: Workspace,
) -> None:
    """Run what is missing of the sweep in FILE.yaml.

    The same command resumes after any crash and extends after any edit. Ctrl-C once finishes
    what is running; twice stops at once. Neither loses finished work.
    """
    planned = plan(load_sweep(file, overrides))
    console = console_for_people()
    say_plan(planned, console)
    launched = launch(
        planned,
        workspace,
        Options(
            executor=executor,
            address=address,
            workers=workers,
            gpus_per_worker=gpus_per_worker,
            max_failures=1 if fail_fast else max_failures,
            mlflow=not no_mlflow,
            mlflow_wait_s=mlflow_wait,
        ),
        progress_on(console),
    )
    if launched.stages_run or launched.adopted:
        say_table(launched, console)
    say_end(launched, file, console)
    sys.exit(launched.exit_code)


def console_for_people() -> Console:
    """Return a console on stdout; wide where it is no terminal that could wrap."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def progress_on(console: Console) -> Reporter:
    """Return bars for a terminal, plain lines for anything else."""
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)


def say_plan(planned: Plan, console: Console) -> None:
    """Print the plan in one line."""
    counts = planned.stage_counts()
    stages = ", ".join(f"{number:,} {kind}" for kind, number in counts.items())
    removed = sum(planned.removed.values())
    note = f" ({removed:,} removed by rules)" if removed else ""
    console.print(f"{planned.sweep.name}: {len(planned.cells):,} cells{note} → {stages}")


def say_table(launched: Launched, console: Console) -> None:
    """Print the comparative table pretext × scorer for near- and far-OOD."""
    # pandas comes in here, a second that a relaunch with nothing to do never pays.
    from mood_sweeps.aggregation.comparative import comparative_table, pivot
    from mood_sweeps.aggregation.terminal import BEST, rich_table

    frame = launched.results().frame(sweep=launched.plan.sweep.name)
    families = scorer_families()
    for distance in ("near", "far"):
        if (frame["distance"] == distance).any():
            table = comparative_table(
                frame, rows=("pretext",), distance=distance, families=families
            )
            title = f"AUROC in %, {distance}-OOD, mean over all else"
            shown = pivot(table, mark_best=BEST)
            console.print(rich_table(shown, title, width=console.width))


def say_end(launched: Launched, file: str, console: Console) -> None:
    """Print what was done, what failed, where the results are and what to do next."""

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    for alarm in launched.alarms[:MOST_LINES]:
        say(f"ALARM: {alarm}")
    for failure in launched.failures[:MOST_LINES]:
        say(f"failed: {failure}")
    if len(launched.failures) > MOST_LINES:
        say(f"… and {len(launched.failures) - MOST_LINES} more")
    done, total = launched.cells.get("done", 0), len(launched.plan.cells)
    what = f"{launched.stages_run:,} stages run"
    if launched.adopted:
        what += f", {launched.adopted:,} rows adopted from the store"
    say(f"{done:,} of {total:,} cells done; {what}, in {clock(launched.seconds)}")
    if launched.unmirrored:
        say(f"MLflow has yet to be shown {launched.unmirrored:,} items; the next launch goes on")
    name = launched.plan.sweep.name
    if launched.interrupted:
        say(f"stopped; go on with: mood-sweep launch {file}")
    elif launched.failures:
        say(f"why: mood-sweep results --sweep {name} --status failed --columns reason")
    say(f"results: {launched.workspace.open_database().shown} (view: results)")
    say(f"  mood-sweep results --sweep {name}")
    say(f"  mood-sweep report {name}")
    say("  mood-sweep ui")
