"""Every metric of an evaluation, a row for each: its column, its direction and how it is computed.

Columns, views, records, MLflow names, CSV, titles and documents derive from this table. A metric
is in no key. Its version says how it is computed: where a number's metrics have
other versions, the next launch computes them again from stored scores.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy.typing as npt

from mood_sweeps.bank import Ints
from mood_sweeps.errors import Undefined
from mood_sweeps.metrics.detection_metrics import DetectionMetrics, autc, detection_metrics
from mood_sweeps.metrics.detection_metrics import detection_error as detection_error_of
from mood_sweeps.metrics.open_set_metrics import ccr_at_fpr, oscr
from mood_sweeps.metrics.predictions import accuracy

__all__ = ["METRICS", "METRICS_DIGEST", "Metric", "PairScores", "compute_metrics"]


@dataclass(frozen=True)
class PairScores:
    """The scores of one ID/OOD pair, higher = more in-distribution, and the ID predictions.

    id_scores (n_id,), ood_scores (n_ood,). predictions, labels: predicted and true class of the ID
    images, int64 (n_id,); None where there are none. What several metrics need is computed once.
    """

    id_scores: npt.ArrayLike
    ood_scores: npt.ArrayLike
    predictions: Ints | None = None
    labels: Ints | None = None
    level: float = field(default=0.95, repr=False)

    @cached_property
    def detection(self) -> DetectionMetrics:
        """The metrics that follow from one sort."""
        return detection_metrics(self.id_scores, self.ood_scores, self.level)

    @property
    def knows_classes(self) -> bool:
        """Whether ID images have predictions and labels."""
        return self.predictions is not None and self.labels is not None


Needs = Literal["scores", "classes", "scores and classes"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    column: its name in SQL, pandas, CSV and MLflow. title: its name for a reader; None for a column
    that belongs to another metric, such as the end of an interval. version: raise it when the same
    scores give another value. needs: ``scores`` of both sides, ``classes`` of the ID images, or
    both. compute: its value; every metric is a fraction in [0, 1]. Raises Undefined, which stores
    NULL.
    """

    column: str
    title: str | None
    higher_is_better: bool
    needs: Needs
    compute: Callable[[PairScores], float | None]
    version: int = 1


def _from_sort(column: str, title: str | None, *, higher_is_better: bool = True) -> Metric:
    """Return a metric that is a field of `DetectionMetrics`."""

    def compute(pair: PairScores) -> float:
        return float(getattr(pair.detection, column))

    return Metric(column, title, higher_is_better, "scores", compute)


def _detection_error(pair: PairScores) -> float:
    return detection_error_of(pair.id_scores, pair.ood_scores)


def _autc(pair: PairScores) -> float | None:
    try:
        return autc(pair.id_scores, pair.ood_scores)
    except Undefined:  # scores that are all equal still have an AUROC: ½
        return None


def _oscr(pair: PairScores) -> float:
    assert pair.predictions is not None
    assert pair.labels is not None
    return oscr(pair.id_scores, pair.ood_scores, pair.predictions, pair.labels)


def _ccr_at_fpr05(pair: PairScores) -> float:
    assert pair.predictions is not None
    assert pair.labels is not None
    return ccr_at_fpr(pair.id_scores, pair.ood_scores, pair.predictions, pair.labels, fpr=0.05)


def _id_accuracy(pair: PairScores) -> float:
    assert pair.predictions is not None
    assert pair.labels is not None
    return accuracy(pair.predictions, pair.labels)


METRICS: dict[str, Metric] = {
    metric.column: metric
    for metric in (
        _from_sort("auroc", "AUROC"),
        _from_sort("auroc_low", None),
        _from_sort("auroc_high", None),
        _from_sort("fpr95", "FPR95 (ID positive)", higher_is_better=False),
        _from_sort("fpr95_ood_positive", "FPR95 (OOD positive)", higher_is_better=False),
        _from_sort("aupr_in", "AUPR-in"),
        _from_sort("aupr_out", "AUPR-out"),
        _from_sort("ap_in", "AP-in"),
        _from_sort("ap_out", "AP-out"),
        Metric("detection_error", "Detection error", False, "scores", _detection_error),
        Metric("autc", "AUTC", False, "scores", _autc),
        Metric("oscr", "OSCR", True, "scores and classes", _oscr),
        Metric("ccr_at_fpr05", "CCR at 5% FPR", True, "scores and classes", _ccr_at_fpr05),
        Metric("id_accuracy", "ID accuracy", True, "classes", _id_accuracy),
    )
}
"""Every metric by its column, in the order of columns."""

METRICS_DIGEST = hashlib.sha256(
    json.dumps({name: metric.version for name, metric in METRICS.items()}).encode()
).hexdigest()[:16]
"""Names the columns and versions with which a number's metrics were computed."""


def compute_metrics(pair: PairScores, needs: tuple[Needs, ...] = ()) -> dict[str, float | None]:
    """Return the value of every metric by its column; None where the pair lacks what it needs.

    needs: only metrics with one of these needs. Raises Undefined for an empty side, NaN or infinite
    scores.
    """
    return {
        name: metric.compute(pair) if metric.needs == "scores" or pair.knows_classes else None
        for name, metric in METRICS.items()
        if not needs or metric.needs in needs
    }
