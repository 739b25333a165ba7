from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.gmm import GMM, GMMPytorchOOD
from tests.support.scorer_cases import score


def test_of_one_component_is_scipys_log_density(case):
    x = case.train.features.astype(np.float64)
    covariance = np.cov(x.T, bias=True) + 1e-6 * x.var(axis=0).mean() * np.eye(16)
    expected = multivariate_normal(x.mean(axis=0), covariance).logpdf(case.test.features)
    np.testing.assert_allclose(score(GMM(k=1), case.train, case.test), expected, rtol=1e-9)


def test_by_hand_two_components_far_apart():
    # Weights ¾ and ¼, variance 1 within, but for the ridge of 10⁻⁶ of the variance, 1876.
    x = np.array([[-1.0], [1], [-1], [1], [-1], [1], [99], [101]])
    test = FeatureBank(np.array([[0.0], [100], [2]]), np.zeros(0, int))
    variance = 1 + 1e-6 * 1876
    peak = np.log([3 / 4, 1 / 4, 3 / 4]) - np.log(2 * np.pi * variance) / 2
    ours = score(GMM(k=2), FeatureBank(x, np.zeros(0, int)), test)
    np.testing.assert_allclose(ours, peak - [0, 0, 4 / 2 / variance], rtol=1e-9)


def test_never_underflows(case):
    far = FeatureBank(case.test.features * 1e6, case.test.labels)
    scores = score(GMM(), case.train, far)
    assert np.isfinite(scores).all()
    assert scores.max() < -1e6


def test_features_that_do_not_vary_are_undefined():
    train = FeatureBank(np.ones((9, 2), np.float32), np.zeros(0, int))
    with pytest.raises(Undefined, match="do not vary"):
        GMM(k=1).fit(train, None)
    with pytest.raises(Undefined, match="fewer than 10 train features differ"):
        GMM().fit(train, None)


def test_pytorch_oods_classes_by_hand():
    # Weights ⅔ and ⅓, variances 1 and 25.
    x = np.array([[-1.0], [1], [-1], [1], [995], [1005]])
    test = FeatureBank(np.array([[0.0], [2], [1010]]), np.zeros(0, int))
    ours = score(GMMPytorchOOD(), FeatureBank(x, np.array([4, 4, 4, 4, 7, 7])), test)
    weights, deviations = np.array([2, 2, 1]) / 3, np.array([1, 1, 5])
    expected = np.log(weights / deviations / np.sqrt(2 * np.pi)) - np.array([0, 2, 2])
    np.testing.assert_allclose(ours, expected, rtol=3e-6)


def test_pytorch_oods_class_that_is_singular_but_for_rounding_is_undefined():
    line = np.linspace(1, 9, 40)[:, None] * np.array([1e9, 3e9, 7e9])
    with pytest.raises(Undefined, match="covariance is singular"):
        GMMPytorchOOD().fit(FeatureBank(line, np.zeros(40, int)), None)
