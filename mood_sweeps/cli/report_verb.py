"""mood-sweep report: comparative tables and the near-OOD confusion study, as files."""

from __future__ import annotations

from pathlib import Path

import click

from mood_sweeps.api import results_of
from mood_sweeps.choice import did_you_mean
from mood_sweeps.cli.families import scorer_families
from mood_sweeps.cli.options import workspace
from mood_sweeps.errors import InputError
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("report")
@click.argument("sweep", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to; default: reports/SWEEP in the workspace.",
)
@workspace
def command(sweep: str | None, out: Path | None, workspace: Workspace) -> None:
    """Write report.md, a CSV per table and a PNG per figure for SWEEP (default: the last one)."""
    results = results_of(workspace)
    launches = results.launches()
    names = list(dict.fromkeys(row["sweep"] for row in launches))
    chosen = sweep or (names[0] if names else None)
    if chosen is None:
        raise InputError("nothing was launched in this workspace yet")
    frame = results.frame(sweep=chosen)
    if frame.empty:
        raise InputError(f"no sweep {chosen!r}{did_you_mean(chosen, names)}")
    # matplotlib comes in here; no other verb needs it.
    from mood_sweeps.aggregation.report import write_report

    last = next((row for row in launches if row["sweep"] == chosen), None)
    provenance = {"sweep": chosen, "database": results.database.shown}
    if last is not None:
        provenance["last launch"] = f"{last['id']} ({last['outcome']}), {last['started_at']}"
        provenance["plan"] = str(last["plan"])
    folder = out or workspace.home / "reports" / chosen
    try:
        paths = write_report(
            frame,
            results.confusions(sweep=chosen),
            folder,
            title=chosen,
            provenance=provenance,
            families=scorer_families(),
        )
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    for path in paths:
        click.echo(path)
