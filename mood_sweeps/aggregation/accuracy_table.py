"""ID accuracy, one line per representation: it does not depend on scorer or OOD set."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from mood_sweeps.aggregation.confidence_interval import mean_interval
from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    distinct_cells,
    require_columns,
    sort_by_axes,
)
from mood_sweeps.aggregation.render_table import percent

__all__ = ["BASELINE", "HEAD", "accuracy_display", "accuracy_table"]

HEAD = "head"
"""The value of ``id_accuracy_from`` where the representation's own head predicts."""

BASELINE = "random"
"""The pretext task that learns nothing: what every other one has to beat."""

_PLACE = ["id_set", *REPRESENTATION]


def accuracy_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the ID accuracy of every representation, mean over seeds.

    Columns: ``id_set``, ``pretext``, ``finetune``, ``backbone``; ``value`` (fraction, NaN where
    none is known), ``sd`` over seeds (NaN for one), ``low`` and ``high``, Student's 95% interval
    of the mean over seeds (NaN below three); ``n_seeds`` with a value, ``n_expected`` seeds of the
    sweep, and ``predicted_by`` (``head``, or ``nearest class mean`` for a headless
    representation; empty where unknown).
    ``margin``, ``margin_low``, ``margin_high``: how much more it is than that of ``random`` with
    the same fine-tuning, backbone and predictor: the mean of the differences seed by seed, over
    the seeds that both have, and its interval; NaN where there is none to compare with.
    """
    require_columns(results, ["id_accuracy_from"], "results")
    cells = distinct_cells(results)
    per_seed = cells.groupby([*_PLACE, "seed"], dropna=False, sort=False).agg(
        accuracy=("id_accuracy", "mean"), predicted_by=("id_accuracy_from", "first")
    )
    known = {
        place: seeds.reset_index("seed").set_index("seed")["accuracy"].dropna()
        for place, seeds in per_seed.groupby(_PLACE, sort=False)
    }
    table = per_seed.groupby(_PLACE, sort=False).agg(
        value=("accuracy", "mean"),
        sd=("accuracy", "std"),
        n_seeds=("accuracy", "count"),
        n_expected=("accuracy", "size"),
        predicted_by=("predicted_by", "first"),
    )
    table["predicted_by"] = table["predicted_by"].astype("object").fillna("")
    intervals = [mean_interval(list(known[place]), (0.0, 1.0)) for place in table.index]
    table.insert(2, "low", [low for low, _ in intervals])
    table.insert(3, "high", [high for _, high in intervals])
    predictors = table["predicted_by"].to_dict()
    margins = [_margin(place, predictors, known) for place in table.index]
    names = ["margin", "margin_low", "margin_high"]
    table[names] = pd.DataFrame(margins, index=table.index, columns=names, dtype="float64")
    return sort_by_axes(table.reset_index(), _PLACE)


def accuracy_display(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``accuracy_table``'s answer for display, in %.

    A ``*`` marks what a headless representation's nearest class mean predicts. Intervals and
    margins are shown where there are any.
    """
    shown = table[_PLACE].copy()
    if shown["id_set"].nunique() == 1:
        shown = shown.drop(columns="id_set")
    records = table.to_dict("records")
    shown["ID accuracy, %"] = [_text(record) for record in records]
    if table["low"].notna().any():
        shown["95% interval"] = [_interval(record, "low", "high") for record in records]
    if table["margin"].notna().any():
        shown[f"more than {BASELINE}"] = [_margin_text(record) for record in records]
    return shown


def _margin(
    place: tuple[Any, ...], predictors: Mapping[Any, str], known: Mapping[Any, pd.Series]
) -> tuple[float, float, float]:
    id_set, pretext, *rest = place
    other = (id_set, BASELINE, *rest)
    none = (math.nan, math.nan, math.nan)
    if pretext == BASELINE or other not in known:
        return none
    if predictors[place] != predictors[other]:
        return none
    differences = (known[place] - known[other]).dropna()
    if differences.empty:
        return none
    return float(differences.mean()), *mean_interval(list(differences), (-1.0, 1.0))


def _text(record: Mapping[Hashable, Any]) -> str:
    seeds, expected = record["n_seeds"], record["n_expected"]
    if not seeds:
        return f"0 of {expected} seeds"
    spread = "" if pd.isna(record["sd"]) else f" ± {percent(record['sd'])}"
    mark = "" if record["predicted_by"] in (HEAD, "") else " *"
    count = "" if seeds == expected else f" ({seeds} of {expected} seeds)"
    return percent(record["value"]) + spread + mark + count


def _interval(record: Mapping[Hashable, Any], low: str, high: str) -> str:
    if pd.isna(record[low]):
        return ""
    return f"{percent(record[low])} to {percent(record[high])}"


def _margin_text(record: Mapping[Hashable, Any]) -> str:
    if pd.isna(record["margin"]):
        return ""
    interval = _interval(record, "margin_low", "margin_high")
    return percent(record["margin"]) + (f" ({interval})" if interval else "")
