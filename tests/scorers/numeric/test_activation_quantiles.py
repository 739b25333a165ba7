from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.activation_quantiles import (
    activation_quantile,
    dimension_quantiles,
)


def bank_of(features):
    return FeatureBank(features, np.zeros(len(features), np.int64))


def banks(dtype):
    # Few different values give ties; wide floats differ in every digit of their bits.
    width = 8 * np.dtype(dtype).itemsize
    some = st.sampled_from([0.0, 0.5, -0.5, 1.0, 1.0 + 2**-9, -3.0])
    values = st.one_of(some, st.floats(-1e4, 1e4, width=width).map(lambda x: x + 0.0))
    return arrays(dtype, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=values)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_is_to_the_last_bit_the_quantile_of_all_activations(dtype):
    @settings(deadline=None, max_examples=40)
    @given(banks(dtype), st.floats(0, 1))
    def check(features, quantile):
        ours = activation_quantile(bank_of(features), quantile)
        theirs = np.quantile(features, quantile)
        assert ours.dtype == theirs.dtype == dtype
        assert ours == theirs

    check()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_is_to_the_last_bit_the_quantile_of_each_dimension(dtype):
    @settings(deadline=None, max_examples=40)
    @given(banks(dtype), st.floats(0, 1), st.floats(0, 1))
    def check(features, one, other):
        ours = dimension_quantiles(bank_of(features), (one, other))
        theirs = [np.quantile(features, one, axis=0), np.quantile(features, other, axis=0)]
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours, theirs)

    check()


@pytest.mark.parametrize("quantile", [0.0, 0.1, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("kind", ["normal", "relu", "constant"])
def test_holds_over_many_blocks_and_columns(kind, quantile):
    x = np.random.default_rng(0).standard_normal((4001, 67), dtype=np.float32)
    x = {"normal": x, "relu": np.maximum(x - 0.3, 0), "constant": np.full_like(x, 0.1)}[kind]
    assert activation_quantile(bank_of(x), quantile) == np.quantile(x, quantile)
    np.testing.assert_array_equal(
        dimension_quantiles(bank_of(x), (quantile,))[0], np.quantile(x, quantile, axis=0)
    )


def test_rows_need_not_lie_one_after_another():
    x = np.random.default_rng(1).standard_normal((40, 30), dtype=np.float32)
    for view in (x[::2], x.T, x[:, ::-1]):
        assert activation_quantile(bank_of(view), 0.9) == np.quantile(view, 0.9)


def test_the_two_zeros_are_one_number():
    x = np.array([[-0.0, 0.0, -0.0, 0.0, -1.0, 1.0]], np.float32)
    for quantile in np.linspace(0, 1, 11):
        assert activation_quantile(bank_of(x), quantile) == np.quantile(x, quantile)
    assert not np.signbit(activation_quantile(bank_of(x), 0.2))


def test_neither_sorts_nor_copies_the_features():
    x = np.random.default_rng(2).standard_normal((20_000, 256), dtype=np.float32)
    before = x.copy()
    bank = bank_of(x)
    tracemalloc.start()
    activation_quantile(bank, 0.99)
    dimension_quantiles(bank, (0.1, 0.9))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 2
    np.testing.assert_array_equal(x, before)


def test_several_quantiles_share_what_was_counted(monkeypatch):
    bank = bank_of(np.linspace(1, 2, 4000, dtype=np.float32).reshape(500, 8))
    activation_quantile(bank, 0.9)
    calls = []
    real = np.bincount
    monkeypatch.setattr(np, "bincount", lambda *a, **k: calls.append(1) or real(*a, **k))
    activation_quantile(bank, 0.9)
    assert not calls
    activation_quantile(bank, 0.1)
    assert len(calls) == 1


def test_of_nothing_is_undefined():
    empty = bank_of(np.zeros((0, 3), np.float32))
    with pytest.raises(Undefined, match="no train features"):
        activation_quantile(empty, 0.5)
    with pytest.raises(Undefined, match="no train features"):
        dimension_quantiles(empty, (0.5,))
