"""Arrays as scorers take them: contiguous, finite; labels int64. What is not, is said.

Floats are float32 where that holds every number as it was given, else float64: features far from
zero lose in float32 the digits in which they differ, and a scorer can subtract their mean before it
rounds them, where a reader cannot.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Array

__all__ = [
    "class_labels",
    "float_matrix",
    "float_vector",
    "labels_like",
    "matrix_like",
    "vector_like",
]

Floats = npt.NDArray[np.floating[Any]]

_BLOCK = 4096  # rows looked at at once


def float_matrix(array: Array, what: str) -> Floats:
    """Return floats (N, D) as float32, or as float64 where that would round them; axes of length 1
    after the second are dropped.

    An array in order is returned as it is, in memory or mapped. what: the shape in words, such as
    ``(N, D)``. Raises InputError for another dtype or shape, no rows, NaN, infinity, or numbers
    beyond the range of float32.
    """
    return _as_floats(matrix_like(array, what))


def matrix_like(array: Array, what: str) -> Array:
    """Return an array of a shape and dtype that `float_matrix` takes, its values unchecked."""
    if array.ndim > 2 and math.prod(array.shape[2:]) == 1:
        array = array.reshape(array.shape[:2])  # pooled maps (N, D, 1, 1)
    if array.ndim != 2:
        raise InputError(f"must be {what}, not {array.shape}")
    return _floats(array, what)


def float_vector(array: Array, what: str) -> Floats:
    """Return floats (C,), otherwise as `float_matrix`."""
    return _as_floats(vector_like(array, what))


def vector_like(array: Array, what: str) -> Array:
    """Return an array of a shape and dtype that `float_vector` takes, its values unchecked."""
    if array.ndim != 1:
        raise InputError(f"must be {what}, not {array.shape}")
    return _floats(array, what)


def class_labels(array: Array, n: int) -> npt.NDArray[np.int64]:
    """Return whole numbers (n,) as int64; InputError for what is no label or not one a row."""
    labels_like(array, n)
    if array.dtype.kind == "f" and (np.isfinite(array) & (array == np.rint(array))).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"must be whole numbers, not {array.dtype}")
    return array.astype(np.int64)


def labels_like(array: Array, n: int) -> Array:
    """Return an array of a shape and dtype that `class_labels` may take, its values unchecked."""
    if array.shape != (n,):
        raise InputError(f"must be ({n},), one label a row of the features, not {array.shape}")
    if array.dtype.kind not in "iuf":
        raise InputError(f"must be whole numbers, not {array.dtype}")
    return array


def _floats(array: Array, what: str) -> Array:
    if array.dtype.kind != "f":
        raise InputError(f"must be {what} of floats, not of {array.dtype}")
    if array.size == 0:
        raise InputError(f"is empty: {array.shape}")
    return array


def _as_floats(array: Array) -> Floats:
    with np.errstate(over="ignore"):
        narrow: Floats = np.require(array, np.float32, ["C", "A", "E"])
    if not _all_finite(narrow):
        bad = _bad_rows(narrow)
        why = "NaN or infinity" if _bad_rows(array) else "numbers too large for float32"
        raise InputError(f"{bad:,} of {len(narrow):,} rows contain {why}")
    if array.dtype.itemsize <= narrow.dtype.itemsize or _same(narrow, array):
        return narrow
    return np.require(array, np.float64, ["C", "A", "E"])


def _same(narrow: Floats, array: Array) -> bool:
    return all(
        np.array_equal(narrow[start : start + _BLOCK], array[start : start + _BLOCK])
        for start in range(0, len(array), _BLOCK)
    )


def _all_finite(values: Floats) -> bool:
    # The sum is finite whenever all values are: float32 cannot overflow it. One pass, no array.
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(values.sum(dtype=np.float64)))


def _bad_rows(values: npt.NDArray[Any]) -> int:
    """Return the number of rows with a value that is not finite, looking block by block."""
    bad = 0
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        bad += int(np.count_nonzero(~np.isfinite(block.reshape(len(block), -1)).all(axis=1)))
    return bad
