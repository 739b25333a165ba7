from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import exponweib, weibull_min

from mood_sweeps.scorers.numeric.weibull import fit_tail

SHIFT = 10000


def distances(n=400, seed=0, scale=3.0):
    return scale * np.abs(np.random.default_rng(seed).normal(size=n))


@pytest.mark.parametrize("scale", [0.1, 3.0, 500.0])
@pytest.mark.parametrize("size", [2, 20])
def test_is_the_likeliest_weibull_of_the_shifted_tail(size, scale):
    d = distances(scale=scale)
    tail = np.sort(d)[-size:]
    fitted = fit_tail(d, size)
    assert fitted.origin == tail[0]
    best = shape, log_scale = float(fitted.shape), float(fitted.log_scale)

    def likelihood(shape, log_scale):
        law = weibull_min(shape, scale=SHIFT * np.exp(log_scale))
        return law.logpdf(tail - tail[0] + SHIFT).sum()

    for nearby in [
        (shape * 1.01, log_scale),
        (shape / 1.01, log_scale),
        (shape, log_scale + 0.03 / shape),
        (shape, log_scale - 0.03 / shape),
    ]:
        assert likelihood(*nearby) < likelihood(*best)


def test_agrees_with_scipys_search():
    d = distances()
    tail = np.sort(d)[-20:]
    _, shape, _, scale = exponweib.fit(tail - tail[0] + SHIFT, floc=0, f0=1)
    fitted = fit_tail(d, 20)
    assert float(fitted.shape) == pytest.approx(shape, rel=1e-5)
    assert SHIFT * np.exp(fitted.log_scale) == pytest.approx(scale, rel=1e-9)
    far = np.linspace(0, 20, 50)
    theirs = exponweib.cdf(far - tail[0] + SHIFT, a=1, c=shape, loc=0, scale=scale)
    np.testing.assert_allclose(fitted.probability(far), theirs, atol=1e-6)


def test_fewer_distances_than_the_tail_are_all_used():
    d = distances(n=7)
    np.testing.assert_array_equal(fit_tail(d, 7), fit_tail(d, 20))


@pytest.mark.parametrize("d", [[2.0], [2.0, 2.0, 2.0], [0.0]])
def test_distances_that_are_all_the_same_make_a_step(d):
    fitted = fit_tail(np.array(d), 20)
    near, far = fitted.probability(np.array([d[0] - 1e-6, d[0] + 1e-6]))
    assert near < 1e-12
    assert far == 1


def test_without_distances_everything_is_too_far():
    assert fit_tail(np.zeros(0), 20).probability(np.array([0.0, 1e9])).tolist() == [1, 1]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@given(
    st.lists(st.floats(0, 1e12), min_size=1, max_size=30),
    st.lists(st.floats(0, 1e12), min_size=1, max_size=30),
)
def test_probabilities_grow_with_the_distance(tail, far):
    probability = fit_tail(np.array(tail), 20).probability(np.sort(far))
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability) >= 0).all()
