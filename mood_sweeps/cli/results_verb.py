"""mood-sweep results: the results as a table, CSV or Parquet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from mood_sweeps.api import results_of
from mood_sweeps.choice import did_you_mean
from mood_sweeps.cli.options import workspace
from mood_sweeps.cli.wording import counted
from mood_sweeps.errors import InputError
from mood_sweeps.launching.revision_notices import shown_revision_line
from mood_sweeps.results.read_results import FILTERS, Results
from mood_sweeps.workspace import Workspace

__all__ = ["command"]

SHOWN = (
    "pretext",
    "backbone",
    "finetune",
    "scorer",
    "ood_set",
    "distance",
    "seed",
    "status",
    "auroc",
    "auroc_low",
    "auroc_high",
    "fpr95",
    "fpr95_ood_positive",
    "id_accuracy",
)
SORTED_BY = (
    "sweep",
    "id_set",
    "pretext",
    "backbone",
    "finetune",
    "scorer",
    "distance",
    "ood_set",
    "seed",
)
STATUSES = ("done", "failed", "skipped", "pending")
MOST_ROWS = 60
MOST_NOTES = 20


def _filters(function: Any) -> Any:
    for name in reversed(FILTERS):
        flag = f"--{name.replace('_', '-')}"
        function = click.option(
            flag,
            name,
            multiple=True,
            type=int if name in ("seed", "revision") else str,
            help=f"Only this {name.replace('_', ' ')}; can be repeated."
            if name != "revision"
            else "Only this revision of a sweep, not the current one; can be repeated.",
        )(function)
    return function


@click.command("results")
@_filters
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "parquet"]),
    default="table",
    show_default=True,
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--columns", help="Comma-separated columns; default: all (table: the main ones).")
@click.option("--history", is_flag=True, help="All revisions of each sweep, not the current one.")
@workspace
def command(
    form: str,
    out: Path | None,
    columns: str | None,
    history: bool,
    workspace: Workspace,
    **filters: tuple[str | int, ...],
) -> None:
    """Print or export one row per cell."""
    if form == "parquet" and out is None:
        raise InputError("parquet is no text: say where to with --out FILE.parquet")
    results = results_of(workspace)
    wanted_rows = {name: list(values) for name, values in filters.items() if values}
    frame = results.frame(history=history, **wanted_rows)
    _refuse_unknown(results, wanted_rows, frame, history)
    several = _revisions_shown(results, frame, revision=filters["revision"], history=history)
    if columns:
        wanted = [name.strip() for name in columns.split(",")]
        unknown = [name for name in wanted if name not in frame.columns]
        if unknown:
            raise InputError(
                f"no column {unknown[0]!r}{did_you_mean(unknown[0], list(frame.columns))}"
            )
        frame = frame[wanted]
    try:
        if form == "parquet":
            frame.to_parquet(out, index=False)
        elif form == "csv":
            frame.to_csv(out or sys.stdout, index=False)
        else:
            _print_table(frame, columns is not None, out)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from None
    for line in several:
        click.echo(line, err=form != "table" or out is not None)
    if out is not None:
        click.echo(f"{counted(len(frame), 'row')} written to {out}", err=True)


def _revisions_shown(results: Results, frame: Any, revision: Any, *, history: bool) -> list[str]:
    """Return, for each sweep in the frame that has several revisions, which of them it is."""
    if history or len(revision) > 1:
        return []
    shown = next(iter(revision), None)
    lines = [shown_revision_line(results, sweep, shown) for sweep in frame["sweep"].unique()]
    return [line for line in lines if line]


def _print_table(frame: Any, chosen: bool, out: Path | None) -> None:
    from mood_sweeps.aggregation.render_table import to_text

    shown = frame if chosen else _main_columns(frame)
    notes = [] if chosen else _notes(frame)
    if out is not None:
        out.write_text("\n".join([to_text(_readable(shown)), *notes]) + "\n")
        return
    console = Console(highlight=False)
    width = console.width if console.is_terminal else None
    click.echo(to_text(_readable(shown.head(MOST_ROWS)), width))
    if len(shown) > MOST_ROWS:
        click.echo(f"… {len(shown) - MOST_ROWS:,} more rows; narrow them down or use --format csv")
    if "fpr95" in shown.columns:
        click.echo("fpr95: ID positive (MOODv2, ViM); fpr95_ood_positive: OOD positive (OpenOOD)")
    click.echo("\n".join([counted(len(shown), "row"), *notes]))


def _notes(frame: Any) -> list[str]:
    """Return the notes of the numbers, a line each with how many say it, the most said first."""
    from mood_sweeps.aggregation.notes_section import notes_said

    lines = [f"note: {said}: {counted(rows, 'row')}" for said, rows in notes_said(frame)]
    more = len(lines) - MOST_NOTES
    return [
        *lines[:MOST_NOTES],
        *([f"… {more:,} more notes; --columns note"] if more > 0 else []),
    ]


def _main_columns(frame: Any) -> Any:
    """Return the rows in the order of their labels, with the columns that tell them apart.

    Sweep and ID set are shown where there are several, the reason where a number is missing.
    """
    from mood_sweeps.aggregation.distinct_cells import sort_by_axes

    apart = [name for name in ("sweep", "id_set") if frame[name].nunique() > 1]
    why = ["reason"] if frame["reason"].notna().any() else []
    columns = [*apart, *SHOWN, *why]
    order = [name for name in SORTED_BY if name in columns]
    return sort_by_axes(frame, order)[columns]


def _refuse_unknown(
    results: Results, filters: dict[str, list[str | int]], frame: Any, history: bool
) -> None:
    """Raise InputError for a filter's value that no row of the whole database has."""
    wanting = {
        name: [value for value in values if value not in set(frame[name])]
        for name, values in filters.items()
    }
    if not any(wanting.values()):
        return
    known = results.frame(history=history or "revision" in filters)
    for name, values in wanting.items():
        there = set(known[name].dropna()) | set(STATUSES if name == "status" else ())
        for value in values:
            if value not in there:
                raise InputError(
                    f"no row has {name} {value!r}{did_you_mean(str(value), map(str, there))}"
                )


def _readable(frame: Any) -> Any:
    """Return the frame as text: fractions to four digits, nothing for what is missing."""

    def shown(value: Any) -> str:
        if value is None or value != value:  # NaN is the one value that differs from itself
            return ""
        return f"{value:.4f}" if isinstance(value, float) else str(value)

    return (
        frame.astype(object)
        .map(lambda value: "" if value is None else value)
        .map(lambda value: shown(value) if str(value) != "<NA>" else "")
    )
