"""mood-sweep report: comparative tables and the near-OOD confusion study, as files."""

from __future__ import annotations

from pathlib import Path

import click

from mood_sweeps.api import results_of
from mood_sweeps.cli.options import workspace
from mood_sweeps.launching.sweep_report import write_sweep_report
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("report")
@click.argument("sweep", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to; default: reports/SWEEP in the workspace.",
)
@click.option("--revision", type=int, help="This revision of the sweep, not the current one.")
@workspace
def command(
    sweep: str | None, out: Path | None, revision: int | None, workspace: Workspace
) -> None:
    """Write report.md, a CSV per table and a PNG per figure for SWEEP (default: the last one)."""
    results, store = results_of(workspace), workspace.open_store()
    for path in write_sweep_report(results, store, sweep, out, workspace.home, revision):
        click.echo(path)
