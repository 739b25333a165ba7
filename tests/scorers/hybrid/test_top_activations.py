from __future__ import annotations

import itertools

import numpy as np
import pytest

from mood_sweeps.scorers.hybrid.top_activations import (
    count_kept,
    exponential_scale,
    share_of_top,
    sum_of_top,
    sum_ratio,
)


def test_the_places_left_are_those_of_the_official_code():
    for width, percentile in itertools.product((16, 64, 384, 512, 768, 2048), (65, 85, 90, 95)):
        assert count_kept(width, percentile) == width - int(np.round(width * percentile / 100))
    # Half a place is rounded to even; LTS names 5 % what ASH would call 95.
    assert count_kept(10, 65) == 10 - 6
    assert all(count_kept(d, 95) == max(1, d - round(d * 0.95)) for d in range(1, 5000))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_one_place_is_always_left(width):
    assert count_kept(width, 99.9) == 1
    assert count_kept(width, 0) == width


def test_sums_of_the_largest_by_hand():
    rows = np.array([[3.0, -1.0, 2.0, 2.0], [-4.0, -2.0, -3.0, -9.0]])
    assert sum_of_top(rows, 1).tolist() == [3, -2]
    assert sum_of_top(rows, 2).tolist() == [5, -5]
    assert sum_of_top(rows, 4).tolist() == [6, -18]


def test_sums_of_float32_are_exact_to_double():
    rows = np.float32([[1e8, 1.0, 1.0, 1.0]])
    assert sum_of_top(rows, 4).tolist() == [1e8 + 3]


def test_ties_for_the_last_places_share_them():
    rows = np.array([[5.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0], [4.0, 3.0, 2.0, 1.0]])
    assert share_of_top(rows, 2).tolist() == [[1, 0.5, 0.5, 0], [0.5] * 4, [1, 1, 0, 0]]


def test_a_share_is_the_mean_over_all_choices_among_ties():
    row = np.array([2.0, 7.0, 2.0, 2.0, 1.0])
    for k in range(1, 6):
        best = max(sum(row[list(kept)]) for kept in itertools.combinations(range(5), k))
        choices = [
            np.isin(range(5), kept)
            for kept in itertools.combinations(range(5), k)
            if sum(row[list(kept)]) == best
        ]
        np.testing.assert_allclose(share_of_top(row[None], k)[0], np.mean(choices, axis=0))


def test_shares_move_with_the_dimensions_and_fill_the_places():
    rng = np.random.default_rng(0)
    rows = rng.integers(-3, 3, size=(50, 12)).astype(np.float32)
    order = rng.permutation(12)
    for k in (1, 4, 12):
        share = share_of_top(rows, k)
        assert share.dtype == np.float32
        np.testing.assert_array_equal(share_of_top(rows[:, order], k), share[:, order])
        np.testing.assert_allclose(share.sum(axis=1), k, rtol=1e-6)
        np.testing.assert_allclose((share * rows).sum(axis=1), sum_of_top(rows, k), atol=1e-5)


def test_a_top_that_sums_to_nothing_has_a_ratio_of_its_own():
    total, top = np.array([6.0, -5.0, 0.0]), np.array([3.0, 0.0, 0.0])
    assert sum_ratio(total, top, default=7.0).tolist() == [[2.0], [7.0], [7.0]]
    assert exponential_scale(total, top).tolist() == [[np.exp(2)], [1.0], [1.0]]


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_scales_never_overflow():
    total, top = np.array([1e300, -1e300, 1e30]), np.array([1e-300, 1e-300, 1e-3])
    largest, smallest, large = exponential_scale(total, top).ravel()
    assert largest == large
    assert np.isfinite(largest * 1e38)
    assert 0 < smallest < 1e-200
