from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric import tied_gaussian_mixture as tied_mixture
from mood_sweeps.scorers.numeric.tied_gaussian_mixture import fit_tied_mixture
from tests.support.scorer_cases import make_case


def parameters(state):
    """Weights, means and covariance as everybody writes them."""
    unwhiten = np.linalg.inv(state["whitening"])
    means = state["means"] @ unwhiten + state["centre"]
    return np.exp(state["log_weights"]), means, unwhiten.T @ unwhiten


def test_of_one_component_the_mean_and_the_covariance(case):
    x = case.train.features.astype(np.float64)
    state = fit_tied_mixture(case.train.features, k=1, seed=0, rounding=0.0)
    weights, means, covariance = parameters(state)
    assert weights.tolist() == [1.0]
    np.testing.assert_allclose(means[0], x.mean(axis=0), atol=1e-12)
    ridge = 1e-6 * x.var(axis=0).mean() * np.eye(16)
    np.testing.assert_allclose(covariance, np.cov(x.T, bias=True) + ridge, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        state["log_volume"], np.linalg.slogdet(2 * np.pi * covariance)[1] / 2, rtol=1e-12
    )


@pytest.mark.parametrize("k", [2, 5])
def test_scikit_learn_cannot_make_it_likelier(case, k, monkeypatch):
    monkeypatch.setattr(tied_mixture, "_TOLERANCE", 1e-9)
    monkeypatch.setattr(tied_mixture, "_ITERATIONS", 3000)
    x = case.train.features.astype(np.float64)
    weights, means, covariance = parameters(
        fit_tied_mixture(case.train.features, k, seed=0, rounding=0.0)
    )
    parts = [multivariate_normal(mean, covariance).logpdf(x) for mean in means]
    ours = logsumexp(np.log(weights) + np.stack(parts, axis=1), axis=1).mean()
    further = GaussianMixture(
        k,
        covariance_type="tied",
        reg_covar=1e-6 * x.var(axis=0).mean(),
        weights_init=weights,
        means_init=means,
        precisions_init=np.linalg.inv(covariance),
        tol=1e-9,
        max_iter=1000,
    ).fit(x)
    assert further.score(x) == pytest.approx(ours, abs=1e-5)


def test_finds_the_mixture_that_samples_were_drawn_from():
    rng = np.random.default_rng(1)
    truth = np.array([[0.0, 0], [6, 0], [0, 9]])
    root = np.array([[1.0, 0.6], [0, 0.5]])
    labels = rng.choice(3, 20_000, p=[0.5, 0.3, 0.2])
    x = truth[labels] + rng.normal(size=(20_000, 2)) @ root
    weights, means, covariance = parameters(
        fit_tied_mixture(x.astype(np.float32), 3, seed=0, rounding=0.0)
    )
    order = np.argsort(-weights)
    np.testing.assert_allclose(weights[order], [0.5, 0.3, 0.2], atol=0.02)
    np.testing.assert_allclose(means[order], truth, atol=0.06)
    np.testing.assert_allclose(covariance, root.T @ root, atol=0.05)


def test_more_components_than_dimensions():
    weights, means, covariance = parameters(
        fit_tied_mixture(make_case(d=2).train.features, 6, 0, rounding=0.0)
    )
    assert means.shape == (6, 2)
    assert weights.sum() == pytest.approx(1)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_features_that_never_vary_are_undefined():
    with pytest.raises(Undefined, match="do not vary"):
        fit_tied_mixture(np.ones((5, 3), np.float32), 1, 0, rounding=0.0)
