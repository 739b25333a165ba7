from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.gauss import Gauss
from tests.support.scorer_cases import make_case


def score(train, test):
    return Gauss().score(Gauss().fit(train, None), test)


@pytest.mark.parametrize(("n", "d"), [(300, 16), (30, 200), (3000, 130)])
def test_is_the_distance_under_scikit_learns_covariance(n, d):
    case = make_case(n=n, d=d)
    expected = -LedoitWolf().fit(case.train.features.astype(float)).mahalanobis(case.test.features)
    np.testing.assert_allclose(score(case.train, case.test), expected, rtol=2e-6)


def test_by_hand():
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    test = FeatureBank(np.array([[5.0, 5], [9, 5], [5, 3]]), np.zeros(3, int))
    ours = score(FeatureBank(2 * square + 5, np.zeros(0, int)), test)
    np.testing.assert_allclose(ours, [0, -4, -1], atol=1e-12)


def test_a_direction_never_seen_is_far():
    case = make_case()
    still = FeatureBank(np.hstack([case.train.features, np.zeros((300, 1))]), case.train.labels)
    moved = np.zeros((2, 17))
    moved[:, :16] = case.train.features[0]
    moved[1, 16] = 5
    scores = score(still, FeatureBank(moved, np.zeros(2, int)))
    assert scores[1] < 10 * scores[0]


def test_features_that_do_not_vary_are_undefined():
    with pytest.raises(Undefined, match="do not vary"):
        Gauss().fit(FeatureBank(np.full((5, 3), 0.1, np.float32), np.zeros(0, int)), None)
