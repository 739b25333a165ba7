"""ID accuracy, one line per representation: it does not depend on scorer or OOD set."""

from __future__ import annotations

import pandas as pd

from mood_sweeps.aggregation.cells import (
    REPRESENTATION,
    distinct_cells,
    require_columns,
    sort_by_axes,
)

__all__ = ["HEAD", "accuracy_table"]

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
