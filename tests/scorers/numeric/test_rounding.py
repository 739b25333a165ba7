from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.rounding import (
    computed_rounding,
    count_above_rounding,
    measured_rounding,
    rounding_along,
    rounding_variance,
)

X = np.random.default_rng(0).normal(size=(300, 7))


def rounding_of(features):
    return measured_rounding(FeatureBank(features, np.zeros(0, int)))


def in_bfloat16(features):
    return (features.astype("f4").view("u4") & np.uint32(0xFFFF0000)).view("f4")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_dtype_tells_how_exactly_numbers_were_computed(dtype):
    assert rounding_of(X.astype(dtype)) == computed_rounding(dtype) == 64 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_a_narrower_dtype_holds_was_measured_in_it(dtype):
    assert rounding_of(X.astype("f4").astype(dtype)) == computed_rounding("f4")
    assert rounding_of(X.astype("f2").astype(dtype)) == 2**-10
    assert rounding_of(in_bfloat16(X).astype(dtype)) == 2**-7
    assert rounding_of(np.asfortranarray(X.astype("f2").astype(dtype))) == 2**-10


@pytest.mark.parametrize("step", [1.0, 2.0**-8])
def test_multiples_of_one_step_may_be_exact(step):
    pixels = np.random.default_rng(1).integers(0, 256, size=(300, 7)) * step
    assert rounding_of(pixels.astype("f4")) == computed_rounding("f4")
    assert rounding_of(np.zeros((3, 2), "f4")) == computed_rounding("f4")


def test_every_dimension_has_its_own_rounding_and_the_mean_is_part_of_it():
    rounding = computed_rounding("f4")
    mean, variance = np.array([0.0, 0.0, 100.0, 0.0]), np.array([1.0, 1e12, 0.0, 0.0])
    units = rounding_variance(rounding, mean, variance) / np.finfo("f4").eps ** 2
    np.testing.assert_allclose(units, [64**2, 64**2 * 1e12, (12 * 100) ** 2, 0])
    assert rounding_variance(2**-10, mean, variance) == pytest.approx(
        np.array([1.0, 1e12, 2500.0, 0.0]) * 2**-20
    )


def test_where_nothing_varies_by_more_than_a_network_may_round_the_dtype_decides():
    rounding, mean = computed_rounding("f4"), np.full(3, 1e6)
    assert (rounding_variance(rounding, mean, np.array([1.0, 1.0, 0.5])) < 0.02).all()
    half = np.finfo("f4").eps / 2 * 1e6
    assert rounding_variance(rounding, mean, np.zeros(3)) == pytest.approx(np.full(3, half**2))


def test_what_rounding_makes_of_a_direction():
    axes = np.array([[1.0, 0.6], [0.0, 0.8]])
    np.testing.assert_allclose(rounding_along(axes, np.array([1.0, 2.0])), [1.0, 0.36 + 2 * 0.64])


def test_counts_what_no_rounding_explains():
    values = np.array([4.0, 1.0, 1e-9, 1e-17])
    assert count_above_rounding(values, 1e-12) == 3
    assert count_above_rounding(values, 1e-8) == 2
    assert count_above_rounding(values, 0.0) == 3
    assert count_above_rounding(values, np.array([1e-8, 2.0, 1e-12, 1e-20])) == 1
    assert count_above_rounding(np.zeros(3), 0.0) == 0
