"""How far the best value of an axis is ahead of the others, everything else being equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mood_sweeps.aggregation.confidence_interval import FEWEST, mean_interval
from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    distinct_cells,
    in_order,
)
from mood_sweeps.aggregation.render_table import percent, to_markdown
from mood_sweeps.aggregation.report_folder import ReportFolder

__all__ = ["AXES_COMPARED", "differences", "differences_section"]

AXES_COMPARED = (*REPRESENTATION, "scorer")
"""The axes with values that are compared."""

_LEVEL = 0.95
_MOST_LINES = 12
_COLUMNS = ["difference", "low", "high", "verdict", "n_seeds", "n_cells"]
_HOW_TO_READ = f"""\
How far the best value of an axis is ahead of each other one in AUROC, in percentage points: the
mean of the differences between cells that are alike in everything else, inside each seed, then over
seeds. The interval is Student's over {FEWEST} seeds or more, wide enough that all lines of a table
hold together at 95% (Bonferroni): above 0, another training would show the difference too. Which is
best was seen on the same images, which favours it a little. Of other test images none of this says
anything; the cells' own intervals do."""


def differences(results: pd.DataFrame, axis: str, distance: str) -> pd.DataFrame:
    """Return one line per value of ``axis`` but the best, the closest first.

    Columns: ``axis``, ``distance``, ``best``, ``other``, their labels; ``difference`` in AUROC
    (fraction, best less other, mean over seeds), ``low`` and ``high`` of its interval (NaN for
    fewer than three seeds); ``verdict``: ``real``, ``unclear`` or, without an interval, ``too few
    seeds``; ``n_seeds``, ``n_cells`` that both have. best: the largest mean over seeds of the means
    inside a seed. Cells without a seed, or without a value, are left out; so are labels that share
    no cell with the best.
    """
    return _differences(distinct_cells(results), axis, distance)


def _differences(cells: pd.DataFrame, axis: str, distance: str) -> pd.DataFrame:
    cells = cells[(cells["distance"] == distance) & cells["auroc"].notna() & cells["seed"].notna()]
    found = cells.groupby([axis, "seed"])["auroc"].mean().groupby(level=0).mean()
    lines: list[dict[str, object]] = []
    if len(found) > 1:
        best = str(found.idxmax())
        alike = [one for one in ("id_set", "ood_set", "seed", *AXES_COMPARED) if one != axis]
        others = [str(label) for label in found.index if label != best]
        for other in others:
            ahead = _ahead(cells, axis, alike, best, other)
            if not ahead.empty:
                line = _line(ahead, level=1 - (1 - _LEVEL) / len(others))
                lines.append({"axis": axis, "distance": distance, "best": best, "other": other})
                lines[-1] |= line
    columns = ["axis", "distance", "best", "other", *_COLUMNS]
    return pd.DataFrame(lines, columns=columns).sort_values("difference", ignore_index=True)


def differences_section(
    results: pd.DataFrame, report: ReportFolder, families: Families
) -> list[str]:
    """Write a table per axis and distance and return the Markdown that shows them."""
    parts: list[str] = []
    cells = distinct_cells(results)
    for distance in in_order(results["distance"], "distance", families):
        for axis in AXES_COMPARED:
            table = _differences(cells, axis, distance)
            if table.empty:
                continue
            link = report.table(f"differences_{distance}_{axis}", table)
            title = f"### {distance}-OOD AUROC, {axis}: {table['best'].iloc[0]} ahead of"
            parts += [title, f"Full precision: {link}.", to_markdown(_shown(table))]
            if len(table) > _MOST_LINES:
                parts.append(
                    f"{len(table) - _MOST_LINES} that are further behind are in that file."
                )
    return ["## Differences", _HOW_TO_READ, *parts] if parts else []


def _ahead(
    cells: pd.DataFrame, axis: str, alike: Sequence[str], best: str, other: str
) -> pd.DataFrame:
    """Return the difference of every two cells that are alike but for ``axis``, with their seed."""
    sides = [cells.loc[cells[axis] == label, [*alike, "auroc"]] for label in (best, other)]
    both = sides[0].merge(sides[1], on=list(alike), suffixes=("_best", "_other"))
    return both.assign(ahead=both["auroc_best"] - both["auroc_other"])[["seed", "ahead"]]


def _line(ahead: pd.DataFrame, level: float) -> dict[str, object]:
    per_seed = ahead.groupby("seed")["ahead"].mean()
    low, high = mean_interval(per_seed.tolist(), (-1.0, 1.0), level)
    verdict = "real" if low > 0 else "too few seeds" if np.isnan(low) else "unclear"
    values = (per_seed.mean(), low, high, verdict, len(per_seed), len(ahead))
    return dict(zip(_COLUMNS, values, strict=True))


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    table = table.head(_MOST_LINES)
    interval = [
        "" if np.isnan(low) else f"{percent(low)} to {percent(high)}"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]
    return pd.DataFrame(
        {
            "other": table["other"],
            "ahead by": table["difference"].map(percent),
            "interval": interval,
            "difference": table["verdict"],
            "seeds": table["n_seeds"].astype(str),
            "cells": table["n_cells"].astype(str),
        }
    )
