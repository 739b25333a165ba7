"""ID accuracy, one line per representation: it does not depend on scorer or OOD set."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from mood_sweeps.aggregation.cells import (
    REPRESENTATION,
    distinct_cells,
    require_columns,
    sort_by_axes,
)
from mood_sweeps.aggregation.render import percent

__all__ = ["HEAD", "accuracy_display", "accuracy_table"]

HEAD = "head"
"""The value of ``id_accuracy_from`` where the representation's own head predicts."""


def accuracy_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the ID accuracy of every representation, mean over seeds.

    Columns: ``id_set``, ``pretext``, ``finetune``, ``backbone``; ``value`` (fraction, NaN where
    none is known), ``sd`` over seeds (NaN for one), ``n_seeds`` with a value, ``n_expected``
    seeds of the sweep, and ``predicted_by`` (``head``, or ``nearest class mean`` for a headless
    representation; empty where unknown).
    """
    require_columns(results, ["id_accuracy_from"], "results")
    place = ["id_set", *REPRESENTATION]
    cells = distinct_cells(results)
    per_seed = cells.groupby([*place, "seed"], dropna=False, sort=False).agg(
        accuracy=("id_accuracy", "mean"), predicted_by=("id_accuracy_from", "first")
    )
    table = per_seed.groupby(place, sort=False).agg(
        value=("accuracy", "mean"),
        sd=("accuracy", "std"),
        n_seeds=("accuracy", "count"),
        n_expected=("accuracy", "size"),
        predicted_by=("predicted_by", "first"),
    )
    table["predicted_by"] = table["predicted_by"].astype("object").fillna("")
    return sort_by_axes(table.reset_index(), place)


def accuracy_display(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``accuracy_table``'s answer for display, in %.

    A ``*`` marks what a headless representation's nearest class mean predicts.
    """
    shown = table[["id_set", *REPRESENTATION]].copy()
    if shown["id_set"].nunique() == 1:
        shown = shown.drop(columns="id_set")
    shown["ID accuracy, %"] = [_text(record) for record in table.to_dict("records")]
    return shown


def _text(record: Mapping[Hashable, Any]) -> str:
    seeds, expected = record["n_seeds"], record["n_expected"]
    if not seeds:
        return f"0 of {expected} seeds"
    spread = "" if pd.isna(record["sd"]) else f" ± {percent(record['sd'])}"
    mark = "" if record["predicted_by"] in (HEAD, "") else " *"
    count = "" if seeds == expected else f" ({seeds} of {expected} seeds)"
    return percent(record["value"]) + spread + mark + count
