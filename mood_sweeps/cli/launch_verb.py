"""mood-sweep launch: run what is missing, show it live, end with the comparative table."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from mood_sweeps.api import plan
from mood_sweeps.cli.experiment_file import sweep_from
from mood_sweeps.cli.log_level import chosen_log_level
from mood_sweeps.cli.options import data_roots, overrides, sweep_file, workspace
from mood_sweeps.cli.plugin_options import debugger, plugin_timeout
from mood_sweeps.cli.wording import counted
from mood_sweeps.engine.executors.catalogue import EXECUTORS
from mood_sweeps.engine.executors.contract import ExecutorSettings
from mood_sweeps.errors import InputError
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.launching.launch import launch
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.launch_result import LaunchResult
from mood_sweeps.launching.progress import LiveProgress, PlainProgress, Reporter
from mood_sweeps.launching.run_counts import clock
from mood_sweeps.launching.sweep_report import scorer_families
from mood_sweeps.planning.plan import Plan
from mood_sweeps.workspace import Workspace

__all__ = ["command"]

PLAIN_WIDTH = 140
MOST_LINES = 20


@click.command("launch")
@sweep_file
@overrides
@data_roots
@click.option(
    "--executor",
    type=click.Choice(list(EXECUTORS)),
    default="ray",
    show_default=True,
    help="Ray actors, or this very process (best for debugging).",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="A running Ray cluster; default: start one here.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="At most so many CPU workers.",
)
@click.option(
    "--gpus-per-worker",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of a GPU for each training or extracting worker, where there are GPUs.",
)
@click.option(
    "--workers-per-training",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="At most so many workers share a training with accumulate: 2 or more in its recipe.",
)
@click.option(
    "--score-on-gpus",
    "scores_on_gpus",
    is_flag=True,
    help="Score on the workers that have GPUs; same numbers but for rounding.",
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
@click.option(
    "--keep-every",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How often the state of a training is kept; one that is killed goes on from there.",
)
@plugin_timeout
@debugger
@workspace
def command(
    file: str,
    overrides: tuple[str, ...],
    data_roots: tuple[str, ...],
    executor: str,
    scores_on_gpus: bool,
    fail_fast: bool,
    max_failures: int | None,
    no_mlflow: bool,
    mlflow_wait: float,
    keep_every: float,
    plugin_timeout: float,
    debug: bool,
    workspace: Workspace,
    **executor_options: Any,
) -> None:
    """Run what is missing of the sweep in FILE.yaml.

    The same command resumes after any crash and extends after any edit. Ctrl-C once finishes
    what is running; twice stops at once. Neither loses finished work.
    """
    settings = _executor_settings("inline" if debug else executor, executor_options)
    planned = plan(sweep_from(file, overrides, data_roots))
    console = console_for_people()
    say_plan(planned, console)
    launched = launch(
        planned,
        workspace,
        Options(
            executor=settings,
            worker=WorkerSettings(
                keep_every_s=keep_every,
                plugin_timeout_s=plugin_timeout,
                scores_on_gpus=scores_on_gpus,
                debug=debug,
                log_level="debug" if chosen_log_level() == "debug" else "info",
            ),
            max_failures=1 if fail_fast else max_failures,
            mlflow=not no_mlflow,
            mlflow_wait_s=mlflow_wait,
        ),
        progress_on(console),
    )
    if (launched.stages_run or launched.adopted) and not launched.interrupted:
        say_table(launched, console)
    say_end(launched, file, console)
    sys.exit(launched.exit_code)


def _executor_settings(executor: str, options: Mapping[str, Any]) -> ExecutorSettings:
    """Return an executor's settings from the options that were given on the command line.

    Raises InputError for an option that this executor does not have.
    """
    kind = EXECUTORS[executor][0]
    source = click.get_current_context().get_parameter_source
    given = {
        name: value for name, value in options.items() if source(name) != ParameterSource.DEFAULT
    }
    own = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if foreign := sorted(given.keys() - own):
        names = ", ".join("--" + name.replace("_", "-") for name in foreign)
        raise InputError(f"executor {executor} does not take {names}")
    return kind(**given)


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
    console.print(f"{planned.sweep.name}: {counted(len(planned.cells), 'cell')}{note} → {stages}")


def say_table(launched: LaunchResult, console: Console) -> None:
    """Print the comparative table pretext × scorer for each ID set, near- and far-OOD.

    Below each: where its values do not average over the same, and so do not compare; and which of
    them hold trainings that learned nothing.
    """
    # pandas comes in here, a second that a relaunch with nothing to do never pays.
    from mood_sweeps.aggregation.comparative_table import comparative_table, pivot
    from mood_sweeps.aggregation.doubtful_trainings import doubtful_averages
    from mood_sweeps.aggregation.terminal_table import BEST, rich_table
    from mood_sweeps.aggregation.unequal_averages import unequal_averages

    frame = launched.frame()
    families = scorer_families()
    several = frame["id_set"].nunique() > 1
    for id_set, here in frame.groupby("id_set", sort=False):
        for distance in ("near", "far"):
            if not (here["distance"] == distance).any():
                continue
            table = comparative_table(here, rows=("pretext",), distance=distance, families=families)
            place = f"ID {id_set}, " if several else ""
            title = f"AUROC in %, {place}{distance}-OOD, mean over all else"
            shown = pivot(table, mark_best=BEST)
            console.print(rich_table(shown, title, width=console.width))
            notes = [
                note
                for tell in (unequal_averages, doubtful_averages)
                for note in tell(here, ("pretext",), distance=distance, families=families)
            ]
            for note in notes:
                console.print(f"  {note}", markup=False, style="dim")
            if notes:
                console.print()
    undefined = int(((frame["status"] == "done") & frame["auroc"].isna()).sum())
    if undefined:
        console.print(
            f"no defined value: {counted(undefined, 'cell')}; mood-sweep results says why"
        )


def say_lost(launched: LaunchResult, say: Callable[[str], None]) -> None:
    """Print the cells that this launch left without a number.

    Their reason only where it is not among the failures, which were printed before.
    """
    labels = {cell.cell_key: cell.label for cell in launched.plan.cells}
    frame = launched.frame()
    lost = frame[frame["status"].isin(["failed", "skipped"])]
    shown = lost.head(MOST_LINES)
    for reason, cells in shown.groupby("reason", sort=False):
        for cell_key, evaluation_key, status in cells[
            ["cell_key", "evaluation_key", "status"]
        ].to_numpy():
            label = labels.get(cell_key)
            say(f"{status} cell {cell_key[:12]} (evaluation key {evaluation_key[:12]}): {label}")
        if unsaid := _unsaid(str(reason), launched.failures[:MOST_LINES]):
            say(f"  {unsaid}")
    if len(lost) > MOST_LINES:
        say(f"… and {len(lost) - MOST_LINES} more cells")


def _unsaid(reason: str, failures: Sequence[str]) -> str:
    """Return what the reason of lost cells says beyond the failures that were printed."""
    cause, failed, error = reason.partition(" failed: ")
    if failed and any(f"{cause}: {error}" in failure for failure in failures):
        return f"{cause} failed"
    return "" if any(reason in failure for failure in failures) else reason


def say_end(launched: LaunchResult, file: str, console: Console) -> None:
    """Print what was done, what failed, where the results are and what to do next."""

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    for alarm in launched.alarms[:MOST_LINES]:
        say(f"ALARM: {alarm}")
    for failure in launched.failures[:MOST_LINES]:
        say(f"failed: {failure}")
    if len(launched.failures) > MOST_LINES:
        say(f"… and {len(launched.failures) - MOST_LINES} more")
    if launched.failures:
        say_lost(launched, say)
    done, total = launched.cells.get("done", 0), len(launched.plan.cells)
    what = f"{counted(launched.stages_run, 'stage')} run"
    if launched.adopted:
        what += f", {counted(launched.adopted, 'row')} adopted from the store"
    say(f"{done:,} of {total:,} cells done; {what}, in {clock(launched.seconds)}")
    if launched.unmirrored:
        items = counted(launched.unmirrored, "item")
        say(f"MLflow has yet to be shown {items}; the next launch goes on")
    name = launched.plan.sweep.name
    which = "" if launched.is_shown else f" --revision {launched.revision}"
    if launched.interrupted:
        say(f"stopped; go on with: mood-sweep launch {file}")
    elif launched.failures:
        say(f"why: mood-sweep results --sweep {name}{which} --status failed")
    view = "results" if launched.is_shown else "results_all"
    say(f"results: {launched.workspace.open_database().display_url} (view: {view})")
    say(f"  mood-sweep results --sweep {name}{which}")
    say(f"  mood-sweep report {name}{which}")
    say("  mood-sweep ui")
