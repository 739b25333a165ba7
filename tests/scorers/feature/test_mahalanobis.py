from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import Mahalanobis as PytorchOodMahalanobis
from scipy.stats import spearmanr
from sklearn.covariance import EmpiricalCovariance
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.mahalanobis import (
    Mahalanobis,
    MahalanobisMOODv1,
    MahalanobisPytorchOOD,
)


def reference_mahalanobis(train, test):
    x = train.features.astype(np.float64)
    classes = np.unique(train.labels)
    means = np.stack([x[train.labels == c].mean(axis=0) for c in classes])
    centred = x - means[np.searchsorted(classes, train.labels)]
    precision = EmpiricalCovariance(assume_centered=True).fit(centred).precision_
    distances = [
        np.einsum("nd,de,ne->n", test.features - m, precision, test.features - m) for m in means
    ]
    return -np.min(distances, axis=0)


def score(train, test):
    return Mahalanobis().score(Mahalanobis().fit(train, None), test)


def test_is_the_distance_under_scikit_learns_tied_covariance(case):
    reference = reference_mahalanobis(case.train, case.test)
    np.testing.assert_allclose(score(case.train, case.test), reference, rtol=1e-8)


def test_by_hand():
    # Two classes at ±5 on the first axis, within-class variances 1 and 4.
    offsets = np.array([[1.0, 2], [1, -2], [-1, 2], [-1, -2]])
    x = np.concatenate([np.add(offsets, (5, 0)), np.subtract(offsets, (5, 0))])
    train = FeatureBank(x, np.repeat([0, 1], 4))
    test = FeatureBank(np.array([[5.0, 0], [-7, 0], [-5, 4], [0, 0]]), np.zeros(4, int))
    np.testing.assert_allclose(score(train, test), [0, -4, -4, -25], atol=1e-12)


def test_ranks_as_pytorch_ood_reversed(case):
    detector = PytorchOodMahalanobis(None)
    x = from_numpy(case.train.features).double()
    detector.fit_features(x, from_numpy(case.train.labels))
    theirs = -detector.predict_features(from_numpy(case.test.features)).numpy()
    assert spearmanr(score(case.train, case.test), theirs).statistic > 0.99999


def test_a_singular_covariance_ignores_what_never_varies(case):
    def widened(bank, value):
        extra = np.full((len(bank), 2), value, np.float32)
        return FeatureBank(np.hstack([bank.features, extra]), bank.labels)

    wide = score(widened(case.train, 0), widened(case.test, 3))
    np.testing.assert_allclose(wide, score(case.train, case.test), rtol=1e-8)


def test_fewer_samples_than_dimensions_agrees_with_the_pseudo_inverse():
    rng = np.random.default_rng(3)
    train = FeatureBank(rng.normal(size=(12, 30)), np.repeat([0, 1, 2], 4))
    test = FeatureBank(rng.normal(size=(20, 30)), np.zeros(20, int))
    np.testing.assert_allclose(score(train, test), reference_mahalanobis(train, test), rtol=1e-6)


def test_a_class_without_samples_is_never_the_nearest(case):
    gap = FeatureBank(case.train.features, np.where(case.train.labels > 2, 9, case.train.labels))
    reference = reference_mahalanobis(gap, case.test)
    np.testing.assert_allclose(score(gap, case.test), reference, rtol=1e-8)


def test_one_sample_per_class_is_undefined():
    train = FeatureBank(np.eye(4, dtype=np.float32), np.arange(4))
    with pytest.raises(Undefined, match="do not vary within any class"):
        Mahalanobis().fit(train, None)


def by_hand(kind):
    offsets = np.array([[1.0, 2], [1, -2], [-1, 2], [-1, -2]])
    x = np.concatenate([np.add(offsets, (5, 0)), np.subtract(offsets, (5, 0))])
    flat = np.hstack([x, np.zeros((8, 1))])
    test = np.array([[5.0, 0, 0], [-7, 0, 0], [-5, 4, 0], [5, 0, 0.001]])
    scorer = kind()
    state = scorer.fit(FeatureBank(flat, np.repeat([0, 1], 4)), None)
    return scorer.score(state, FeatureBank(test, np.zeros(4, int)))


def test_pytorch_oods_convention_by_hand():
    # The scatter is 8 and 32 on the axes and 10⁻⁶ on the one that never varies.
    expected = [0, -4 / 8 / 2, -16 / 32 / 2, -(0.001**2) / 1e-6 / 2]
    np.testing.assert_allclose(by_hand(MahalanobisPytorchOOD), expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(by_hand(Mahalanobis), [0, -4, -4, 0], atol=1e-9)


def test_mood_v1s_convention_by_hand():
    # Directions (±0.6, 0.8) and their opposites: mean 0, variances 0.36 and 0.64.
    x = np.array([[3.0, 4], [-6, 8], [0.3, -0.4], [-3, -4]])
    scorer = MahalanobisMOODv1()
    state = scorer.fit(FeatureBank(x, np.zeros(0, int)), None)
    test = FeatureBank(np.array([[30.0, 40], [7, 0], [0, 0.1], [0, 0]]), np.zeros(0, int))
    np.testing.assert_allclose(scorer.score(state, test), [-2, -1 / 0.36, -1 / 0.64, 0])


def test_mood_v1_ignores_length_and_labels(case):
    lengths = np.random.default_rng(0).uniform(0.1, 9, size=(300, 1))
    stretched = FeatureBank(case.train.features * lengths, np.zeros(0, int))
    scorer = MahalanobisMOODv1()
    np.testing.assert_allclose(
        scorer.score(scorer.fit(stretched, None), case.test),
        scorer.score(scorer.fit(case.train, None), case.test),
        rtol=1e-5,
    )


def test_one_direction_is_undefined():
    train = FeatureBank(np.outer([1.0, 2, 7], [0.1, 0.2]), np.zeros(3, int))
    with pytest.raises(Undefined, match="do not vary"):
        MahalanobisMOODv1().fit(train, None)
