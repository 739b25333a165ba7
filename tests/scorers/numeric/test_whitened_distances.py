from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import pinvh

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.rows import unit_rows
from mood_sweeps.scorers.numeric.whitened_distances import (
    min_squared_distances,
    nearest_squared,
    nearest_state,
    raise_to_rounding,
    whitening,
)

RNG = np.random.default_rng(2)


def covariance(width, condition, rank=None):
    rotation = np.linalg.qr(RNG.normal(size=(width, width)))[0]
    values = np.geomspace(1, condition, width)
    values[rank or width :] = 0
    return (rotation * values) @ rotation.T


@pytest.mark.parametrize("width", [1, 2, 63, 200])
@pytest.mark.parametrize("condition", [1.0, 1e4, 1e12])
def test_whitens_a_covariance_of_full_rank(width, condition):
    given = covariance(width, condition)
    matrix = whitening(given, 0.0)
    assert matrix.shape == (width, width)
    whitened = matrix.T @ given @ matrix
    np.testing.assert_allclose(whitened, np.eye(width), atol=1e-13 * condition + 1e-12)


@pytest.mark.parametrize("rank", [1, 5, 19])
def test_is_the_pseudo_inverse_of_a_singular_covariance(rank):
    given = covariance(20, 100.0, rank)
    matrix = whitening(given, 0.0)
    assert matrix.shape == (20, rank)
    np.testing.assert_allclose(matrix @ matrix.T, pinvh(given), atol=1e-9)


def test_what_varies_no_more_than_rounding_does_not_vary():
    assert whitening(np.diag([1.0, 1e-26]), rounding=0.0).shape == (2, 1)
    assert whitening(np.diag([1.0, 1e-9]), rounding=1e-10).shape == (2, 2)
    assert whitening(np.diag([1.0, 1e-11]), rounding=1e-10).shape == (2, 1)
    with pytest.raises(Undefined, match="do not vary at all"):
        whitening(np.diag([1e-11, 1e-12]), rounding=1e-10, where=" at all")


def test_a_shrunk_covariance_is_raised_to_rounding_only_where_it_may_be_below():
    given = covariance(20, 100.0)
    assert raise_to_rounding(given, share=0.1, rounding=1e-9) is given
    values, vectors = np.linalg.eigh(given)
    expected = (vectors * np.maximum(values, 3.0)) @ vectors.T
    np.testing.assert_allclose(
        raise_to_rounding(given, share=0.1, rounding=3.0), expected, atol=1e-12
    )


@pytest.mark.parametrize("rows", ["plain", "unit"])
@pytest.mark.parametrize(("width", "condition"), [(90, 1e2), (90, 1e3), (260, 1e5), (300, 1e2)])
def test_float32_distances_agree_with_float64(width, condition, rows):
    given = covariance(width, 1 / condition)
    means = 5 + RNG.normal(size=(7, width))
    x = RNG.multivariate_normal(np.zeros(width), given, 70) + np.repeat(means, 10, axis=0)
    x[::3] *= 3
    bank = FeatureBank(x.astype(np.float32), np.zeros(70, int))
    spread = np.diag(given) + means.var(axis=0)
    state = nearest_state(means.mean(axis=0), whitening(given, 0.0), means, spread)
    assert state["whitening"].dtype == state["means"].dtype == np.float32
    points = bank.features.astype(np.float64)
    if rows == "unit":
        points = unit_rows(points)
        ours = nearest_squared(bank, state, unit_rows)
    else:
        ours = nearest_squared(bank, state)
    differences = points[:, None] - means
    expected = np.einsum("ncd,de,nce->nc", differences, pinvh(given), differences).min(axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_a_covariance_too_skewed_for_float32_is_whitened_in_float64():
    given = covariance(100, 1e9)
    zero = np.zeros(100)
    state = nearest_state(zero, whitening(given, 0.0), zero[None], np.diag(given))
    assert state["whitening"].dtype == np.float64


def test_classes_far_apart_do_not_blur_small_distances():
    # Neural collapse: classes lie 10⁵ deviations apart, and a sample one from its own.
    means = 1e5 * RNG.normal(size=(4, 80)).astype(np.float32)
    points = means + RNG.normal(size=(4, 80)).astype(np.float32)
    expected = ((points.astype(np.float64) - means) ** 2).sum(axis=1)
    np.testing.assert_allclose(min_squared_distances(means, points), expected, rtol=1e-12)
