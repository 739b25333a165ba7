from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.mahalanobis_per_class import MahalanobisPerClass
from tests.support.scorer_cases import make_case


def score(train, test):
    scorer = MahalanobisPerClass()
    return scorer.score(scorer.fit(train, None), test)


def reference(train, test, classes):
    x = train.features.astype(np.float64)
    gaussians = [LedoitWolf().fit(x[train.labels == c]) for c in classes]
    return -np.min([gaussian.mahalanobis(test.features) for gaussian in gaussians], axis=0)


@pytest.mark.parametrize(("n", "d"), [(300, 16), (40, 64), (900, 150)])
def test_is_the_distance_under_scikit_learns_covariances(n, d):
    case = make_case(n=n, d=d)
    expected = reference(case.train, case.test, range(5))
    np.testing.assert_allclose(score(case.train, case.test), expected, rtol=2e-6)


def test_by_hand_each_class_has_its_own_spread():
    # Covariances that are multiples of the identity, 1 and 25, which no shrinkage changes.
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    train = FeatureBank(np.concatenate([square, 5 * square + (30, 0)]), np.repeat([0, 1], 4))
    test = FeatureBank(np.array([[0.0, 0], [3, 0], [30, 10], [20, 0]]), np.zeros(4, int))
    np.testing.assert_allclose(score(train, test), [0, -9, -4, -4], atol=1e-9)


def test_a_class_with_too_few_different_samples_is_never_the_nearest(case):
    labels = case.train.labels.copy()
    labels[:2], labels[2:3] = 70, 71
    train = FeatureBank(case.train.features, labels)
    test = FeatureBank(case.train.features[:3], np.zeros(3, int))
    np.testing.assert_allclose(
        score(train, test), reference(train, test, range(5)), rtol=1e-5, atol=1e-6
    )


def test_only_such_classes_are_undefined():
    train = FeatureBank(np.random.default_rng(0).normal(size=(6, 4)), np.repeat([0, 1, 2], 2))
    with pytest.raises(Undefined, match="no class has enough different samples"):
        MahalanobisPerClass().fit(train, None)


def test_a_single_dimension():
    train = FeatureBank(np.array([[1.0], [3], [2]]), np.zeros(3, int))
    test = FeatureBank(np.array([[4.0]]), np.zeros(1, int))
    np.testing.assert_allclose(score(train, test), [-4 / (2 / 3)], rtol=1e-6)
