from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.scorers.numeric.rows import plain_rows, rows_for, unit_rows


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e18])
def test_rows_have_unit_length_whatever_their_scale(scale):
    rows = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32) * np.float32(scale)
    ours = unit_rows(rows)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, rtol=1e-14)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    np.testing.assert_allclose(ours * lengths[:, None], rows, rtol=1e-14)


def test_a_zero_row_stays_zero():
    rows = np.array([[0, 0], [0, -3]], np.float32)
    assert unit_rows(rows).tolist() == [[0, 0], [0, -1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_never_the_ones_given(dtype):
    rows = np.array([[3, 4]], dtype)
    for unit, expected in [(False, [[3, 4]]), (True, [[0.6, 0.8]])]:
        made = rows_for(unit)(rows)
        np.testing.assert_allclose(made, expected, rtol=1e-15)
        made[:] = 0
    assert rows.tolist() == [[3, 4]]
    assert rows_for(False) is plain_rows
