"""The results frame as a table of distinct cells, and the order in which labels are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mood_sweeps.aggregation.measures import MEASURES
from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import InputError

__all__ = [
    "AXES",
    "REPRESENTATION",
    "Families",
    "check_axes",
    "distinct_cells",
    "ensemble_sizes",
    "family_of",
    "in_order",
    "order_key",
    "require_columns",
    "single_networks",
    "sort_by_axes",
]

AXES = (
    "sweep",
    "id_set",
    "distance",
    "ood_set",
    "pretext",
    "finetune",
    "backbone",
    "scorer",
    "seed",
)
"""The columns a table may have as its rows or columns."""

REPRESENTATION = ("pretext", "finetune", "backbone")
"""What names a representation, up to its seed and its ID set."""

Families = Mapping[str, str]
"""Scorer name → family; its order is the order in which scorers are shown."""

_ENSEMBLE = r" × (\d+) seeds$"
"""How the fine-tuning axis ends that names an ensemble."""

_STATUS_ORDER = {"done": 0, "failed": 1, "skipped": 2, "pending": 3}


def distinct_cells(results: pd.DataFrame, *, per_sweep: bool = False) -> pd.DataFrame:
    """Return one row per cell: metrics as float64 (NaN where not done), seed as Int64.

    A cell that several sweeps share is one cell, unless ``per_sweep``; where one of them has not
    got to it, the row of the one that has is kept.
    Raises InputError when a column is missing, or when two different cells have the same axis
    labels: a mean over both would compare things that the labels do not tell apart.
    """
    require_columns(results, [*AXES, "cell_key", "status", *MEASURES], "results")
    cells = results.copy()
    cells["seed"] = pd.to_numeric(cells["seed"]).astype("Int64")
    done = cells["status"] == "done"
    for metric in MEASURES:
        cells[metric] = pd.to_numeric(cells[metric]).astype("float64").where(done)
    identity = ["sweep", "cell_key"] if per_sweep else ["cell_key"]
    cells = (
        cells.assign(_rank=cells["status"].map(_STATUS_ORDER).fillna(len(_STATUS_ORDER)))
        .sort_values([*identity, "_rank", "sweep"], kind="stable")
        .drop_duplicates(identity)
        .drop(columns="_rank")
    )
    labels = [axis for axis in AXES if per_sweep or axis != "sweep"]
    twins = cells[cells.duplicated(labels, keep=False)]
    if len(twins):
        first = twins.sort_values(labels, kind="stable").iloc[0]
        named = ", ".join(f"{axis}={first[axis]}" for axis in labels)
        raise InputError(
            f"{len(twins)} cells share their labels but not their content, for example {named}: "
            "aggregate one sweep at a time"
        )
    return cells.reset_index(drop=True)


def single_networks(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that are not of an ensemble; all of them where there are no others.

    An ensemble is several networks at once, and stands for all seeds: in a mean over seeds of what
    one network does, it has no place.
    """
    single = _sizes(cells).isna()
    return cells[single] if single.any() else cells


def ensemble_sizes(cells: pd.DataFrame) -> list[int]:
    """Return how many networks the ensembles among the cells have, ascending."""
    return sorted({int(size) for size in _sizes(cells).dropna()})


def require_columns(frame: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise InputError naming every column that ``frame`` lacks."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InputError(f"the {what} frame lacks the columns {', '.join(missing)}")


def check_axes(rows: Sequence[str], columns: Sequence[str]) -> None:
    """Raise InputError for an axis that does not exist or is named twice."""
    for axis in (*rows, *columns):
        if axis not in AXES:
            raise InputError(f"unknown axis {axis!r}{did_you_mean(axis, AXES)}")
    if len({*rows, *columns}) < len(rows) + len(columns):
        raise InputError(f"an axis is named twice in rows {rows} and columns {columns}")
    if not rows:
        raise InputError("a table needs at least one axis in its rows")


def family_of(scorer: str, families: Families) -> str:
    """Return the family of a scorer's label: ``knn(k=10)`` and ``knn@openood`` belong to ``knn``.

    A scorer that no family claims (a user's own) is ``other``.
    """
    return families.get(_base_name(scorer), families.get(scorer, "other"))


def in_order(labels: Iterable[Any], axis: str, families: Families | None = None) -> list[Any]:
    """Return the distinct labels of an axis in the order in which they are shown."""
    return sorted(set(labels), key=lambda label: order_key(label, axis, families))


def order_key(label: Any, axis: str, families: Families | None = None) -> tuple[Any, ...]:
    """Return the sort key of one label of one axis.

    Near comes before far, scorers follow ``families``, numbers inside labels count as numbers
    (``k=5`` before ``k=10``), a missing label comes first.
    """
    if pd.isna(label):
        return (0,)
    if axis == "distance":
        return (1, {"near": 0, "far": 1}.get(label, 2), _natural(label))
    if axis == "scorer" and families:
        names = list(families)
        name = _base_name(label)
        return (1, names.index(name) if name in names else len(names), _natural(label))
    return (1, 0, _natural(label))


def sort_by_axes(
    table: pd.DataFrame, axes: Sequence[str], families: Families | None = None
) -> pd.DataFrame:
    """Return the rows of ``table`` in the order of their labels, by ``axes`` in turn."""
    keys = [
        [order_key(label, axis, families) for label, axis in zip(labels, axes, strict=True)]
        for labels in table[list(axes)].itertuples(index=False)
    ]
    return table.iloc[sorted(range(len(table)), key=keys.__getitem__)].reset_index(drop=True)


def _sizes(cells: pd.DataFrame) -> pd.Series:
    """Return the number of networks of each cell's ensemble, as text; missing for a single one."""
    return cells["finetune"].astype(str).str.extract(_ENSEMBLE, expand=False)


def _base_name(scorer: str) -> str:
    return re.split(r"[(@]", scorer, maxsplit=1)[0]


def _natural(label: Any) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(label))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
