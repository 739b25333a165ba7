"""What the values of a comparative table average over, where they do not average over the same.

A pretext task that exists on one backbone only, or a scorer that needs a head, is averaged over
fewer combinations than its neighbours. The numbers are right, but they do not compare like with
like, and a reader must be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    check_axes,
    distinct_cells,
    in_order,
    single_networks,
)

__all__ = ["unequal_averages"]


def unequal_averages(
    results: pd.DataFrame,
    rows: Sequence[str] = ("pretext", "finetune"),
    columns: Sequence[str] = ("scorer",),
    distance: str | None = None,
    *,
    families: Families | None = None,
) -> list[str]:
    """Return one sentence per averaged axis that differs between the values of a table.

    Arguments as for ``comparative_table``; only the sweep's intention counts here, not what is
    done. Empty where every value averages over the same labels.
    """
    check_axes(rows, columns)
    cells = distinct_cells(results, per_sweep="sweep" in (*rows, *columns))
    if distance is not None:
        cells = cells[cells["distance"] == distance]
    if "finetune" not in (*rows, *columns):
        cells = single_networks(cells)
    averaged = [
        axis for axis in (*REPRESENTATION, "scorer", "ood_set") if axis not in (*rows, *columns)
    ]
    sentences = [
        _sentence(part, rows, columns, axis, families)
        for axis in averaged
        for part in _comparable(cells, axis, (*rows, *columns))
    ]
    return [sentence for sentence in sentences if sentence]


def _comparable(cells: pd.DataFrame, axis: str, shown: Sequence[str]) -> list[pd.DataFrame]:
    """Return the parts to judge one by one: each ID set has OOD sets of its own by design."""
    if axis != "ood_set" or "id_set" not in shown:
        return [cells]
    return [part for _, part in cells.groupby("id_set", sort=True)]


def _named(names: Sequence[str], most: int = 6) -> str:
    """Return the names, the first few of them where they are many."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 2])} and {len(names) - most + 2} more"


def _sentence(
    cells: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    axis: str,
    families: Families | None,
) -> str:
    """Say which values of a table average over which labels of ``axis``; "" where all alike."""
    across: dict[tuple[str, ...], dict[str, list[str]]] = {}
    every_column: dict[str, list[str]] = {}
    for labels, group in cells.groupby([*rows, *columns], dropna=False, sort=True):
        row = " ".join(map(str, labels[: len(rows)]))
        column = " ".join(map(str, labels[len(rows) :]))
        labels_here = tuple(map(str, in_order(group[axis], axis, families)))
        across.setdefault(labels_here, {}).setdefault(row, []).append(column)
        every_column.setdefault(row, []).append(column)
    if len(across) < 2:
        return ""
    sizes = Counter({kind: sum(map(len, found.values())) for kind, found in across.items()})
    usual = sizes.most_common(1)[0][0]
    parts = []
    for kind, found in across.items():
        if kind == usual:
            continue
        by_columns: dict[tuple[str, ...], list[str]] = {}
        for row, here in found.items():
            whole = here == every_column[row]
            by_columns.setdefault(() if whole else tuple(here), []).append(row)
        where = "; ".join(
            _named(here_rows) + (f" × ({_named(here)})" if here else "")
            for here, here_rows in by_columns.items()
        )
        parts.append(f"over {', '.join(kind)} for {where}")
    return f"Averages over {axis} differ: usually over {', '.join(usual)}; but {'; '.join(parts)}."
