"""Completeness: how many cells are done, failed, skipped or pending, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    check_axes,
    distinct_cells,
    sort_by_axes,
)

__all__ = ["STATUSES", "completeness", "unfinished", "why_unfinished"]

STATUSES = ("done", "failed", "skipped", "pending")


def completeness(
    results: pd.DataFrame,
    by: Sequence[str] = REPRESENTATION,
    *,
    families: Families | None = None,
) -> pd.DataFrame:
    """Return one line per combination of the axes ``by``: a count per status, ``undefined``, total.

    ``undefined`` counts the done cells without a defined AUROC; they are among ``done``.
    Raises InputError for an unknown axis and for ambiguous cells.
    """
    check_axes(by, ())
    cells = distinct_cells(results, per_sweep="sweep" in by)
    counts = {status: cells["status"] == status for status in STATUSES}
    counts["undefined"] = counts["done"] & cells["auroc"].isna()
    counts["total"] = cells["status"].notna()
    table = cells[list(by)].assign(**counts)
    table = table.groupby(list(by), dropna=False, sort=False).sum().astype("int64").reset_index()
    return sort_by_axes(table, by, families)


def unfinished(results: pd.DataFrame, *, families: Families | None = None) -> pd.DataFrame:
    """Return every cell without a value: its labels, ``cell_key``, ``status`` and ``reason``.

    A done cell without a value (an undefined metric) has the status ``undefined``; a cell
    without a reason has an empty one.
    """
    cells = distinct_cells(results)
    cells.loc[(cells["status"] == "done") & cells["auroc"].isna(), "status"] = "undefined"
    cells["reason"] = cells["reason"].astype("object").where(cells["reason"].notna(), "")
    axes = [*REPRESENTATION, "scorer", "id_set", "distance", "ood_set", "seed"]
    rest = cells.loc[cells["status"] != "done", [*axes, "cell_key", "status", "reason"]]
    return sort_by_axes(rest, axes, families)


def why_unfinished(results: pd.DataFrame, *, families: Families | None = None) -> pd.DataFrame:
    """Return one line per (status, reason), the most frequent first, with the cells it concerns.

    Columns: ``status``, ``reason``, ``cells`` (how many), and the distinct labels concerned,
    joined by commas: ``pretext``, ``finetune``, ``backbone``, ``scorer``, ``ood_set``, ``seed``.
    """
    cells = unfinished(results, families=families)
    axes = [*REPRESENTATION, "scorer", "ood_set", "seed"]
    lines = [
        {"status": status, "reason": reason, "cells": len(group)}
        | {axis: ", ".join(str(label) for label in group[axis].dropna().unique()) for axis in axes}
        for (status, reason), group in cells.groupby(["status", "reason"], sort=True)
    ]
    table = pd.DataFrame(lines, columns=["status", "reason", "cells", *axes])
    return table.sort_values("cells", ascending=False, kind="stable").reset_index(drop=True)
