from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import (
    auroc,
    auroc_interval,
    bootstrap_difference_interval,
    bootstrap_interval,
)


@pytest.mark.parametrize(
    ("level", "low", "high"), [(0.9, 0.0, 1.0), (0.5, 0.5, 1.0), (0.3, 0.75, 1.0)]
)
def test_by_hand(level, low, high):
    # Of all draws of two and two, AUROC is 0 in 1/16, ½ in 4/16, ¾ in 4/16 and 1 in 7/16.
    assert bootstrap_interval([1.0, 3.0], [0.0, 2.0], level, resamples=4000) == (low, high)


def test_it_agrees_with_delong():
    rng = np.random.default_rng(0)
    ids, oods = rng.normal(1.5, 1, 400), rng.normal(0, 1, 300)
    assert bootstrap_interval(ids, oods) == pytest.approx(auroc_interval(ids, oods), abs=0.005)


def test_ties_count_half():
    rng = np.random.default_rng(0)
    ids, oods = rng.integers(0, 4, 300) + 1.0, rng.integers(0, 4, 300) * 1.0
    low, high = bootstrap_interval(ids, oods)
    assert low < auroc(ids, oods) < high
    assert (low, high) == pytest.approx(auroc_interval(ids, oods), abs=0.01)


@given(st.integers(0, 5))
def test_a_seed_says_what_is_drawn(seed):
    rng = np.random.default_rng(3)
    ids, oods = rng.normal(1, 1, 30), rng.normal(0, 1, 30)
    first = bootstrap_interval(ids, oods, resamples=50, seed=seed)
    assert first == bootstrap_interval(ids, oods, resamples=50, seed=seed)
    assert first != bootstrap_interval(ids, oods, resamples=50, seed=seed + 1)


def test_many_images_are_drawn_block_by_block():
    rng = np.random.default_rng(4)
    ids, oods = rng.normal(1, 1, 150_000), rng.normal(0, 1, 120_000)
    low, high = bootstrap_interval(ids, oods, level=0.5, resamples=5)
    assert low < high
    assert (low, high) == pytest.approx([auroc(ids, oods)] * 2, abs=0.005)


def test_both_scores_are_taken_on_the_same_draws():
    rng = np.random.default_rng(5)
    ids, oods = rng.normal(1, 1, (2, 200)), rng.normal(0, 1, 200)
    alike = bootstrap_difference_interval(ids[0], oods, ids[0] + 0.01 * ids[1], oods)
    assert alike[1] - alike[0] < 0.01
    apart = bootstrap_difference_interval(ids[0], oods, ids[1], oods)
    assert apart[1] - apart[0] > 0.05


def test_draws_that_agree_say_nothing():
    with pytest.raises(Undefined, match="all resamples agree"):
        bootstrap_interval([2.0, 3.0], [0.0, 1.0])
    with pytest.raises(Undefined, match="all resamples agree"):
        bootstrap_difference_interval([0.0, 3.0], [1.0, 2.0], [0.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize(("level", "needed"), [(0.95, 40), (0.8, 10), (0.99, 200)])
def test_too_few_resamples_are_refused(level, needed):
    # In floating point 2 / (1 − 0.8) exceeds 10.
    with pytest.raises(InputError, match=f"needs {needed} resamples"):
        bootstrap_interval([1.0, 3.0], [0.0, 2.0], level, resamples=needed - 1)
    bootstrap_interval([1.0, 3.0], [0.0, 2.0], level, resamples=needed)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="confidence level"):
        bootstrap_interval([1.0, 3.0], [0.0, 2.0], level=1.0)
    with pytest.raises(InputError, match="same images"):
        bootstrap_difference_interval([1.0], [0.0, 1.0], [1.0, 2.0], [0.0, 1.0])
    with pytest.raises(Undefined, match="no ID scores"):
        bootstrap_interval([], [0.0])
    with pytest.raises(Undefined, match="NaN"):
        bootstrap_interval([1.0, float("nan")], [0.0])
