"""Metrics from stored scores, for numbers that lack them or have them in other versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Ints
from mood_sweeps.errors import CorruptObject, Undefined
from mood_sweeps.jobs.score_call import requested_fit
from mood_sweeps.jobs.score_objects import group_refs
from mood_sweeps.metrics.registry import METRICS, METRICS_DIGEST, PairScores, compute_metrics
from mood_sweeps.planning.fits import scores_key
from mood_sweeps.planning.missing_calls import group_of
from mood_sweeps.planning.plan import Cell
from mood_sweeps.scoring.inputs import Fit
from mood_sweeps.scoring.selection import select_candidate
from mood_sweeps.store import Ref, Store
from mood_sweeps.store.codecs import load_arrays, map_bank

__all__ = ["metrics_from_store"]

EVICTED = "scores evicted"
Arrays = Mapping[str, npt.NDArray[Any]]


def metrics_from_store(
    cells: Iterable[Cell], stale: Mapping[str, Mapping[str, Any]], store: Store
) -> Iterator[dict[str, Any]]:
    """Yield new metrics of stale numbers, by column, with ``evaluation_key`` and ``metrics_state``.

    stale: rows by evaluation key, with ``reason`` and the metrics that they have. A metric that
    needs scores no longer in the store keeps its value if it never had another version, else
    becomes None.
    """
    by_group: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        if cell.evaluation_key in stale:
            by_group.setdefault(group_of(cell.representation), {})[cell.evaluation_key] = cell
    for group, wanted in by_group.items():
        scores, predictions = _stored(store, group)
        for key, cell in wanted.items():
            yield {"evaluation_key": key, **_metrics(cell, stale[key], scores, predictions, store)}


def _metrics(
    cell: Cell, row: Mapping[str, Any], scores: Arrays, predictions: Arrays, store: Store
) -> dict[str, Any]:
    computed: dict[str, float | None] = {}
    if row["reason"] is None:
        pair = _pair(cell, scores, predictions, store)
        if pair is not None:
            computed = {
                name: value
                for name, value in compute_metrics(pair).items()
                if METRICS[name].needs == "scores" or pair.knows_classes
            }
    kept = {
        name: row[name] if metric.version == 1 else None
        for name, metric in METRICS.items()
        if name not in computed
    }
    lacks = row["reason"] is None and row["id_accuracy"] is not None
    is_evicted = any(
        value is None and (METRICS[name].needs == "scores" or lacks) for name, value in kept.items()
    )
    return {
        **computed,
        **kept,
        "metrics_digest": METRICS_DIGEST,
        "metrics_state": EVICTED if is_evicted and row["reason"] is None else None,
    }


def _pair(cell: Cell, scores: Arrays, predictions: Arrays, store: Store) -> PairScores | None:
    """Return the scores of a cell's pair with the ID classes; None without its scores."""
    banks, pair = cell.representation.banks, cell.pair
    id_bank, ood_bank = banks[pair.id_set, "test"], banks[pair.ood_set, "all"]
    fit = _fit(cell, scores)
    if fit is None:
        return None
    keys = scores_key(fit.key, id_bank.key), scores_key(fit.key, ood_bank.key)
    if not all(key in scores for key in keys):
        return None
    labels = _labels(id_bank.ref, store)
    predicted = predictions.get(id_bank.key)
    return PairScores(scores[keys[0]], scores[keys[1]], predicted, labels)


def _fit(cell: Cell, scores: Arrays) -> Fit | None:
    """Return the fit that gives the scores; None if the scores that chose it are gone."""
    fit = requested_fit(cell.fit)
    if isinstance(fit, Fit):
        return fit

    def stored(candidate: Fit, bank: str) -> npt.NDArray[np.float64]:
        found = scores.get(scores_key(candidate.key, bank))
        if found is None:
            raise Undefined("its scores are gone")
        return found

    try:
        return select_candidate(fit, stored)[0]
    except Undefined:
        return None


def _labels(bank: Ref, store: Store) -> Ints | None:
    if not store.has(bank):
        return None
    labels = map_bank(store.folder(bank)).labels
    return labels if len(labels) else None


def _stored(store: Store, group: str) -> tuple[Arrays, Arrays]:
    """Return the scores and the predictions that the objects of a group hold, by key."""
    scores: dict[str, npt.NDArray[Any]] = {}
    predictions: dict[str, npt.NDArray[Any]] = {}
    for ref in group_refs(store, group):
        try:
            folder = store.folder(ref)
        except CorruptObject:
            store.quarantine(ref)
            continue
        scores |= load_arrays(folder / "scores.safetensors")
        predictions |= load_arrays(folder / "predictions.safetensors")
    return scores, predictions
