"""Comparative tables: the mean of a metric per combination of axes, honest about what is missing.

A table cell is the mean over all cells of the sweep that share its labels: first, inside each
seed, the unweighted mean over everything else (OOD sets, and whichever of pretext, backbone,
fine-tuning stage and scorer the table does not show), then mean and standard deviation over
seeds. A cell without a seed (its number depends on none) takes part in every seed's mean.
Ensembles are fine-tuning stages of their own, and left out of a table that does not show stages.

Missing cells are never averaged over silently. The value is the mean over what is there, and
``n_done < n_expected`` marks it: shown as ``97.3 (10 of 12)``, never chosen as the best, and
without a standard deviation where its seeds' means are not over the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mood_sweeps.aggregation.distinct_cells import (
    Families,
    check_axes,
    distinct_cells,
    order_key,
    single_networks,
)
from mood_sweeps.aggregation.measures import measure_of
from mood_sweeps.aggregation.over_seeds import over_seeds

__all__ = ["NO_CELLS", "STATISTICS", "comparative_table", "pivot"]

STATISTICS = ("metric", "value", "sd", "n_seeds", "n_done", "n_expected")
"""The columns of a comparative table beside its axes."""

NO_CELLS = "–"
"""What a table shows where the sweep never meant to have a cell."""


def comparative_table(
    results: pd.DataFrame,
    rows: Sequence[str] = ("pretext", "finetune"),
    columns: Sequence[str] = ("scorer",),
    metric: str = "auroc",
    distance: str | None = None,
    *,
    families: Families | None = None,
) -> pd.DataFrame:
    """Return the tidy table, one line per combination of the labels of ``rows`` and ``columns``.

    results: the results frame, one row per (sweep, cell). rows, columns: axes; ``distance`` may
    be one of them. metric: a column of ``MEASURES``. distance: "near", "far" or None for all.
    families: orders the scorers (see ``order_key``).

    Columns of the answer: the axes, then ``metric``; ``value`` (fraction in [0, 1], NaN where
    nothing is done); ``sd`` over seeds (n - 1 in the denominator; NaN for one seed);
    ``n_seeds`` behind the value; ``n_done`` cells with a defined value; ``n_expected`` cells of
    the sweep, 0 where the combination is none of its cells.
    Raises InputError for an unknown axis or metric and for ambiguous cells.
    """
    check_axes(rows, columns)
    measure_of(metric)
    axes = [*rows, *columns]
    cells = distinct_cells(results, per_sweep="sweep" in axes)
    if distance is not None:
        cells = cells[cells["distance"] == distance]
    if "finetune" not in axes:
        cells = single_networks(cells)
    group = cells.groupby(axes, dropna=False, sort=False).ngroup()
    statistics = over_seeds(cells[metric], cells["seed"], group).to_dict("index")
    labels = cells[axes].groupby(group).head(1)
    keys = [_plain(line) for line in labels.itertuples(index=False)]
    found = {key: statistics[number] for key, number in zip(keys, group[labels.index], strict=True)}
    nothing = {"value": np.nan, "sd": np.nan, "n_seeds": 0, "n_done": 0, "n_expected": 0}
    lines = [
        dict(zip(axes, (*row, *column), strict=True))
        | {"metric": metric}
        | found.get((*row, *column), nothing)
        for row in _combinations(keys, axes, slice(0, len(rows)), families)
        for column in _combinations(keys, axes, slice(len(rows), None), families)
    ]
    table = pd.DataFrame(lines, columns=[*axes, *STATISTICS])
    return table.astype(
        dict.fromkeys(("n_seeds", "n_done", "n_expected"), "int64")
        | dict.fromkeys(("value", "sd"), "float64")
    )


def pivot(
    table: pd.DataFrame,
    columns: Sequence[str] = ("scorer",),
    *,
    mark_best: tuple[str, str] = ("", ""),
) -> pd.DataFrame:
    """Return a comparative table for display: all strings, metrics in %.

    columns: the axes that go across; the table's other axes become the first columns.
    mark_best: what to put before and after the best complete value(s) of each line, such as
    ``("**", "**")``; values that read the same are marked together.
    """
    axes = [name for name in table.columns if name not in STATISTICS]
    rows = [axis for axis in axes if axis not in columns]
    lines: dict[tuple[str, ...], dict[str, Any]] = {}
    for record in table.to_dict("records"):
        line = lines.setdefault(tuple(_shown(record[axis]) for axis in rows), {})
        across = " · ".join(_shown(record[axis]) for axis in columns)
        line[across or measure_of(record["metric"]).title] = record
    shown = [
        dict(zip(rows, labels, strict=True)) | _display(line, mark_best)
        for labels, line in lines.items()
    ]
    return pd.DataFrame(shown)


def _combinations(
    keys: list[tuple[Any, ...]], axes: list[str], part: slice, families: Families | None
) -> list[tuple[Any, ...]]:
    names = axes[part]
    return sorted(
        {key[part] for key in keys},
        key=lambda labels: [
            order_key(label, name, families) for label, name in zip(labels, names, strict=True)
        ],
    )


def _plain(labels: Any) -> tuple[Any, ...]:
    """Make labels of a group comparable: all ways to say "no seed" become None."""
    return tuple(None if pd.isna(label) else label for label in labels)


def _display(line: dict[str, dict[str, Any]], mark_best: tuple[str, str]) -> dict[str, str]:
    eligible = {
        name: f"{100 * record['value']:.1f}"
        for name, record in line.items()
        if 0 < record["n_expected"] == record["n_done"]
    }
    best = ""
    if len(eligible) > 1:
        higher = measure_of(next(iter(line.values()))["metric"]).higher_is_better
        best = (max if higher else min)(eligible.values(), key=float)
    before, after = mark_best
    return {
        name: before + _text(record) + after if eligible.get(name) == best else _text(record)
        for name, record in line.items()
    }


def _text(record: dict[str, Any]) -> str:
    done, expected = record["n_done"], record["n_expected"]
    if not expected:
        return NO_CELLS
    if not done:
        return f"0 of {expected}"
    value = f"{100 * record['value']:.1f}"
    if not np.isnan(record["sd"]):
        value += f" ± {100 * record['sd']:.1f}"
    return value if done == expected else f"{value} ({done} of {expected})"


def _shown(label: Any) -> str:
    return NO_CELLS if pd.isna(label) else str(label)
