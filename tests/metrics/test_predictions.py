from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.neighbors import NearestCentroid

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import accuracy, nearest_class_mean, predict


def random_bank(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    features = rng.normal(size=(n, 6)) + np.eye(4, 6)[labels] * 2 + 50
    return FeatureBank(features.astype(np.float32), labels)


def test_the_class_of_the_largest_logit():
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.array([[0.0, 3.0, 1.0], [2, 2, 1]]))
    predicted = predict(bank, None)
    assert predicted.dtype == np.int64
    assert predicted.tolist() == [1, 0]


def test_logits_follow_from_the_head_where_the_bank_has_none():
    bank = FeatureBank(np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2, int))
    head = Head(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0.5, -1.0]))
    assert predict(bank, head).tolist() == [0, 1]


def test_neither_logits_nor_head_is_refused():
    with pytest.raises(InputError, match="without a head"):
        predict(random_bank(3, 0), None)


def test_nearest_class_mean_is_scikit_learns_nearest_centroid():
    train, test = random_bank(5000, 0), random_bank(6000, 1)
    reference = NearestCentroid().fit(train.features.astype(float), train.labels)
    ours = nearest_class_mean(train, test)
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours, reference.predict(test.features.astype(float)))


def test_only_classes_that_occur_are_predicted():
    train = FeatureBank(np.array([[0.0], [10.0]]), np.array([2, 7]))
    test = FeatureBank(np.array([[1.0], [9.0], [5.0]]), np.zeros(3, int))
    assert nearest_class_mean(train, test).tolist() == [2, 7, 2]


def test_features_without_a_distance_are_undefined():
    good, bad = random_bank(4, 0), FeatureBank(np.full((2, 6), np.nan), np.zeros(2, int))
    for train, test in [(good, bad), (bad, good)]:
        with pytest.raises(Undefined, match="NaN"):
            nearest_class_mean(train, test)
    with pytest.raises(Undefined, match="NaN"):
        predict(FeatureBank(good.features, good.labels, np.full((4, 2), np.nan)), None)
    with pytest.raises(Undefined, match="no train features"):
        nearest_class_mean(FeatureBank(good.features[:0], good.labels[:0]), good)


def test_outputs_beyond_the_classes_are_never_predicted() -> None:
    logits = np.array([[0.0, 1.0, 5.0], [2.0, 1.0, 3.0]], dtype=np.float32)
    bank = FeatureBank(np.zeros((2, 1), dtype=np.float32), np.zeros(2, dtype=np.int64), logits)
    assert predict(bank, None).tolist() == [2, 2]
    assert predict(bank, None, 2).tolist() == [1, 0]
    assert predict(bank, None, 1).tolist() == [0, 0]


def test_accuracy_is_scikit_learns():
    rng = np.random.default_rng(0)
    predictions, labels = rng.integers(0, 3, (2, 100))
    assert accuracy(predictions, labels) == accuracy_score(labels, predictions)


def test_the_accuracy_of_nothing_is_undefined():
    with pytest.raises(Undefined, match="no samples"):
        accuracy(np.zeros(0, int), np.zeros(0, int))


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match="predictions for"):
        accuracy(np.zeros(2, int), np.zeros(3, int))
