"""mood-sweep logs: print the log of an attempt."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mood_sweeps.api import results_of
from mood_sweeps.cli.options import data_roots, workspace
from mood_sweeps.cli.recorded_experiments import recorded_cell
from mood_sweeps.errors import InputError
from mood_sweeps.launching.find_log import choose_attempt, digest_in, log_files, one_call
from mood_sweeps.planning.missing_calls import calls_behind
from mood_sweeps.results.read_results import Results
from mood_sweeps.workspace import Workspace

__all__ = ["command"]

LOOK_EVERY_S = 0.5


@click.command("logs")
@click.argument("what", metavar="CELL|CALL")
@click.option("--attempt", type=click.IntRange(min=1), help="Its number; default: the last.")
@click.option("--launch", type=click.IntRange(min=1), help="Of this launch; default: the last.")
@click.option("--follow", is_flag=True, help="Go on printing until the attempt ends.")
@data_roots
@workspace
def command(
    what: str,
    attempt: int | None,
    launch: int | None,
    follow: bool,
    data_roots: tuple[str, ...],
    workspace: Workspace,
) -> None:
    """Print what a worker printed and logged during an attempt, with the traceback of a failure.

    CALL is the beginning of a call's key. CELL is the beginning of a cell key, or axis values
    separated by commas, as for explain: the last call behind the cell that was tried is shown.
    """
    results = results_of(workspace)
    chosen = choose_attempt(_attempts(results, what, workspace, data_roots), launch, attempt)
    click.echo(f"{chosen['kind']} {chosen['label']}")
    outcome = chosen["outcome"] or "not ended"
    click.echo(f"attempt {chosen['number']} of launch {chosen['launch']}: {outcome}")
    for log in log_files(chosen, workspace):
        click.echo(f"--- {log}")
        with log.open(encoding="utf-8", errors="replace") as file:
            while text := file.read(1 << 16):
                click.echo(text, nl=False)
    if follow:
        _follow(results, chosen, log_files(chosen, workspace)[0])


def _attempts(
    results: Results, what: str, workspace: Workspace, data_roots: tuple[str, ...]
) -> list[Mapping[str, Any]]:
    """Return the attempts at the call that is named, or at all calls behind the cell."""
    like = results.attempts_like(digest_in(what))
    call = one_call(what, {row["call_key"]: f"{row['kind']} {row['label']}" for row in like})
    if call is not None:
        return [row for row in like if row["call_key"] == call]
    try:
        cell = recorded_cell(results, what, workspace, data_roots)
    except InputError as error:
        raise InputError(f"no call matches {what!r}, and {error}") from None
    attempts = [
        row
        for key in calls_behind(cell)
        for row in results.attempts_like(key)
        if row["call_key"] == key
    ]
    if not attempts:
        raise InputError(f"no call behind cell {cell.cell_key[:12]} was ever tried here")
    return attempts


def _follow(results: Results, attempt: Mapping[str, Any], log: Path) -> None:
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(0, 2)
        while True:
            (now,) = [
                row for row in results.attempts(attempt["launch"]) if row["id"] == attempt["id"]
            ]
            click.echo(file.read(), nl=False)
            if now["ended_at"] is not None:
                return
            time.sleep(LOOK_EVERY_S)
