from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.scorers.check_returned import checked_scores, checked_state


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, np.array(3)),
        (2.5, np.array(2.5)),
        (True, np.array(True)),
        (np.float32(0.5), np.array(0.5, dtype="f4")),
        ([1, 2, 3], np.array([1, 2, 3])),
        ([[1.0, 2], (3, 4)], np.array([[1.0, 2.0], [3.0, 4.0]])),
        ([np.arange(2), np.arange(2)], np.array([[0, 1], [0, 1]])),
        ([], np.zeros(0)),
        (np.arange(3, dtype=">i4"), np.arange(3, dtype="i4")),
    ],
    ids=str,
)
def test_numbers_and_lists_of_numbers_become_arrays(value: object, expected: np.ndarray) -> None:
    found = checked_state({"x": value})["x"]
    assert type(found) is np.ndarray
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (["1"], "is a list"),
        ([[1, 2], [None]], "is a list"),
        ("1", "is a str"),
        (None, "is a NoneType"),
        ({"a": 1}, "is a dict"),
        (1j, "is a complex"),
        (np.array(["a"]), "dtype <U1"),
        (np.zeros(2, np.longdouble), "dtype float128"),
        (np.ma.zeros(2), r"is a numpy\.ma\.MaskedArray"),
    ],
    ids=str,
)
def test_another_value_of_a_state_is_refused_by_its_name(value: object, said: str) -> None:
    with pytest.raises(TypeError, match=f"'it'.* {said}"):
        checked_state({"it": value})


def test_scores_come_back_as_float64_or_not_at_all() -> None:
    assert checked_scores(np.array([1, 2**53]), 2).tolist() == [1.0, 2.0**53]
    with pytest.raises(ValueError, match="int64 values do not fit"):
        checked_scores(np.array([1, 2**53 + 1]), 2)
    with pytest.raises(ValueError, match=r"not an array of shape \(1,\)"):
        checked_scores(np.zeros(1), 2)
    with pytest.raises(TypeError, match="not dtype bool"):
        checked_scores(np.zeros(2, bool), 2)
