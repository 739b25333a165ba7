from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.feature.she import SHE


def bank(features, predicted, labels=None, classes=3):
    x = np.array(features, np.float32)
    labels = np.zeros(0, int) if labels is None else np.array(labels)
    return FeatureBank(x, labels, np.eye(classes, dtype=np.float32)[predicted])


TRAIN = bank(
    [[1, 0], [3, 0], [50, 50], [0, 4], [9, 9]], predicted=[0, 0, 1, 1, 0], labels=[0, 0, 2, 1, 1]
)
"""Patterns (2, 0) and (0, 4); class 2 has none."""


def score(test, metric):
    scorer = SHE(metric)
    return scorer.score(scorer.fit(TRAIN, None), test)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("inner", [6, -4, 0]),
        ("euclidean", [-np.sqrt(1 + 16), -np.sqrt(9 + 25), -4]),
        ("cosine", [0.6, -1 / np.sqrt(10), 0]),
    ],
)
def test_by_hand(metric, expected):
    test = bank([[3, 4], [3, -1], [0, 0]], predicted=[0, 1, 1])
    np.testing.assert_allclose(score(test, metric), expected, rtol=1e-6)


def test_a_class_without_a_pattern_leaves_it_to_the_next_likeliest():
    test = FeatureBank(
        np.array([[1, 1], [1, 1]], np.float32),
        np.zeros(0, int),
        np.array([[-3, -2, 8], [-2, -3, 8]], np.float32),
    )
    assert score(test, "inner").tolist() == [4, 2]


def test_labels_beyond_the_head_are_never_correct():
    strange = FeatureBank(
        np.vstack([TRAIN.features, TRAIN.features]),
        np.concatenate([TRAIN.labels, [7, 3, -1, 99, 4]]),
        np.vstack([TRAIN.logits, TRAIN.logits]),
    )
    test = bank([[3, 4], [3, -1]], predicted=[0, 1])
    state = SHE().fit(strange, None)
    np.testing.assert_array_equal(SHE().score(state, test), score(test, "inner"))


def test_no_correctly_classified_sample_is_undefined():
    with pytest.raises(Undefined, match="no train sample is classified correctly"):
        SHE().fit(bank([[1, 2], [3, 4]], predicted=[0, 1], labels=[1, 0]), None)


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match="'inner', 'euclidean' or 'cosine'"):
        choose({"she": {"metric": "manhattan"}}, SCORERS, "scorer")
