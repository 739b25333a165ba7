"""mood-sweep status: what launches are doing, read from the database alone."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import click

from mood_sweeps.api import results_of
from mood_sweeps.choice import did_you_mean
from mood_sweeps.cli.options import workspace
from mood_sweeps.errors import InputError
from mood_sweeps.jobs.outcome import FINISHED
from mood_sweeps.launching.launch_status import LaunchStatus, launch_status
from mood_sweeps.launching.revision_notices import shown_revision_line
from mood_sweeps.launching.run_counts import clock
from mood_sweeps.results.read_results import Results
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("status")
@click.argument("sweep", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--watch", is_flag=True, help="Repeat every two seconds until the launch ends.")
@workspace
def command(sweep: str | None, as_json: bool, watch: bool, workspace: Workspace) -> None:
    """Show running launches (or the last one), of SWEEP or of all sweeps."""
    results = results_of(workspace)
    while True:
        statuses = launch_status(results, sweep)
        if not statuses:
            raise InputError(_nothing(sweep, {row["sweep"] for row in results.launches()}))
        if as_json:
            click.echo(json.dumps([status.as_dict() for status in statuses]))
        else:
            for status in statuses:
                _print(status, results)
        if not watch or not any(status.is_running for status in statuses):
            return
        time.sleep(2)


def _nothing(sweep: str | None, launched: set[str]) -> str:
    if sweep is None or not launched:
        return "nothing was launched in this workspace yet"
    return f"no launch of a sweep {sweep!r}{did_you_mean(sweep, launched)}"


def _print(status: LaunchStatus, results: Results) -> None:
    cells = ", ".join(f"{number:,} {name}" for name, number in sorted(status.cells.items()))
    click.echo(f"{status.sweep}, launch {status.launch}: {status.state}; cells: {cells}")
    if several := shown_revision_line(results, status.sweep):
        click.echo(f"  this launch is of revision {status.revision}; {several}")
    done = Counter(row["kind"] for row in status.ended if row["outcome"] in FINISHED)
    calls = ", ".join(f"{number} {kind}" for kind, number in done.items()) or "none"
    click.echo(f"  calls done: {calls} (of {status.calls_planned} planned)")
    if status.is_running and status.eta_s is not None:
        click.echo(f"  about {clock(status.eta_s)} left at the pace of the calls so far")
    for row in status.running:
        click.echo(f"  running: {row['kind']} {row['label']}{_attempt(row)}")
    for row in status.failed:
        click.echo(f"  {row['outcome']}: {row['kind']} {row['label']}: {row['error']}")


def _attempt(row: dict[str, Any]) -> str:
    return f" (attempt {row['number']})" if row["number"] > 1 else ""
