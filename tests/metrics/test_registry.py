from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.errors import Undefined
from mood_sweeps.metrics import (
    METRICS,
    PairScores,
    accuracy,
    autc,
    ccr_at_fpr,
    compute_metrics,
    detection_error,
    detection_metrics,
    oscr,
)

RNG = np.random.default_rng(0)
ID, OOD = RNG.normal(1, 1, 200), RNG.normal(0, 1, 150)
LABELS = RNG.integers(0, 3, 200)
PREDICTIONS = np.where(RNG.random(200) < 0.8, LABELS, 0)


def test_every_metric_is_the_function_of_its_name() -> None:
    found = compute_metrics(PairScores(ID, OOD, PREDICTIONS, LABELS))
    at_once = detection_metrics(ID, OOD)
    expected = {
        "detection_error": detection_error(ID, OOD),
        "autc": autc(ID, OOD),
        "oscr": oscr(ID, OOD, PREDICTIONS, LABELS),
        "ccr_at_fpr05": ccr_at_fpr(ID, OOD, PREDICTIONS, LABELS, fpr=0.05),
        "id_accuracy": accuracy(PREDICTIONS, LABELS),
    }
    assert list(found) == list(METRICS)
    assert found == {name: expected.get(name, getattr(at_once, name, None)) for name in METRICS}


def test_what_needs_classes_is_none_without_them() -> None:
    found = compute_metrics(PairScores(ID, OOD))
    without = {name for name, value in found.items() if value is None}
    assert without == {name for name, metric in METRICS.items() if metric.needs != "scores"}


def test_scores_that_are_all_equal_have_no_threshold_curve_but_an_auroc() -> None:
    found = compute_metrics(PairScores(np.ones(5), np.ones(4)))
    assert (found["autc"], found["auroc"]) == (None, 0.5)


def test_a_side_without_scores_is_undefined() -> None:
    with pytest.raises(Undefined):
        compute_metrics(PairScores(ID, np.empty(0)))


def test_better_is_better() -> None:
    """Every metric's direction: a scorer that separates perfectly against one that does not."""
    best = compute_metrics(PairScores(ID + 10, OOD, LABELS, LABELS))
    worse = compute_metrics(PairScores(ID, OOD, PREDICTIONS, LABELS))
    for name, metric in METRICS.items():
        one, other = best[name], worse[name]
        assert one is not None, name
        assert other is not None, name
        assert one > other if metric.higher_is_better else one < other, name
