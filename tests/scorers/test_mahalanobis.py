from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import Mahalanobis as PytorchOodMahalanobis
from scipy.stats import spearmanr
from sklearn.covariance import EmpiricalCovariance
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers import Mahalanobis


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
