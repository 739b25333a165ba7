"""mood-sweep run-call: repeat one call in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from mood_sweeps.api import plan, results_of
from mood_sweeps.cli.options import data_roots, overrides, workspace
from mood_sweeps.cli.plugin_options import debugger, plugin_timeout
from mood_sweeps.cli.read_with_progress import sweep_from
from mood_sweeps.cli.recorded_experiments import recorded_plan, require_file
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.launching.repeat_call import repeat_call
from mood_sweeps.planning.plan import Plan
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("run-call")
@click.argument("key")
@click.option(
    "--file",
    type=click.Path(),
    help="The experiment file; default: every experiment that was launched here.",
)
@overrides
@data_roots
@plugin_timeout
@debugger
@workspace
def command(
    key: str,
    file: str | None,
    overrides: tuple[str, ...],
    data_roots: tuple[str, ...],
    plugin_timeout: float,
    debug: bool,
    workspace: Workspace,
) -> None:
    """Repeat the call with a key that begins with KEY in this process, from what the store has.

    Objects and numbers that it makes go to the store, where the next launch finds them; the
    database and MLflow are left alone.
    """
    results = results_of(workspace)
    require_file(file, overrides)
    plans: Iterable[Plan]
    if file:
        plans = [plan(sweep_from(file, overrides, data_roots))]
    else:
        recorded = results.experiments()
        plans = (recorded_plan(text, name, workspace, data_roots) for text, name in recorded)
    settings = WorkerSettings(plugin_timeout_s=plugin_timeout, debug=debug)
    outcome = repeat_call(key, plans, results, workspace.open_store(), settings, click.echo)
    for failure in outcome.failures:
        click.echo(f"{len(failure.evaluation_keys)} cells failed: {failure.error}")
        if not debug:  # else the debugger has shown it
            click.echo(failure.traceback)
    if outcome.traceback and not debug:
        click.echo(outcome.traceback)
    error = f": {outcome.error}" if outcome.error else ""
    click.echo(f"{outcome.verdict} after {outcome.seconds:.1f} s{error}")
    sys.exit(0 if outcome.is_finished and not outcome.failures else 1)
