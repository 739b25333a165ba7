"""How exactly features were measured, and how much variance rounding alone can give them.

A covariance is computed in float64, but its features were computed by a network in float32 or
less. A direction in which they do not vary (LayerNorm leaves one, whatever the image) then has the
variance of their rounding, and its inverse is noise: whether the direction counts has to be decided
by the precision of the features, not by that of the covariance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = [
    "computed_rounding",
    "count_above_rounding",
    "measured_rounding",
    "rounding_variance",
]

Float64s = npt.NDArray[np.float64]

# Features of one image differ by up to about 40 units in the last place from one memory layout or
# library to another: a network rounds in every layer. Half precision is what features are stored
# in after a network that adds in float32: they are rounded once.
_ROUNDINGS = 64
# Explicit bits of a significand.
_FLOAT32, _FLOAT16, _BFLOAT16 = 23, 10, 7
# Features looked at at once: most are seen to be float32 in the first block.
_BLOCK = 2**17


def computed_rounding(dtype: npt.DTypeLike) -> float:
    """Return the relative deviation that rounding may cause in what a network computed."""
    return float(_ROUNDINGS * np.finfo(dtype).eps)


def measured_rounding(bank: FeatureBank) -> float:
    """Return the relative deviation that rounding may cause in the features of a bank.

    The values tell, not the dtype: float64 numbers that float32 holds exactly were measured in
    float32, float32 numbers that float16 or bfloat16 holds exactly were stored in that. Numbers
    that are all multiples of one step, as whole numbers are, may be exact: they are taken for
    float32.
    """
    features = bank.features
    return once_per_bank(bank, "measured rounding", lambda: _measured(features))


def rounding_variance(rounding: float, squares: Float64s) -> float:
    """Return the variance that rounding alone may give to a direction of some features.

    rounding: relative, see `measured_rounding`. squares: E[x_j²] of every dimension, (D,), of the
    features as they were measured, their mean included: what is far from zero is rounded coarsely.
    """
    return float(rounding**2 * squares.max())


def count_above_rounding(values: Float64s, rounding: Float64s | float) -> int:
    """Return how many eigenvalues, largest first, are variance and no rounding.

    rounding: the variance that rounding may give to each direction. The rounding of the matrix
    itself, float64, is allowed for as ``scipy.linalg.pinvh`` does.
    """
    own = np.finfo(np.float64).eps * len(values) * values[0]
    return int(np.logical_and.accumulate(values > np.maximum(own, rounding)).sum())


def _measured(features: Floats) -> float:
    if not _held_by(features, _FLOAT16):
        narrow = features.dtype.itemsize <= 4 or _held_by(features, _FLOAT32)
        return computed_rounding(np.float32 if narrow else features.dtype)
    bits = _BFLOAT16 if _held_by(features, _BFLOAT16) else _FLOAT16
    largest = max((float(np.abs(block).max()) for block in _blocks(features)), default=0.0)
    if largest == 0:
        return computed_rounding(np.float32)
    step = 2.0 ** (np.frexp(largest)[1] - 1 - bits)
    exact = all(not np.fmod(block.astype(np.float64), step).any() for block in _blocks(features))
    return computed_rounding(np.float32) if exact else 2.0**-bits


def _held_by(features: Floats, bits: int) -> bool:
    """Return whether a significand of so many explicit bits holds every feature."""
    own = np.finfo(features.dtype).nmant
    if own <= bits:
        return True
    integer = np.dtype(f"u{features.dtype.itemsize}")
    lost = integer.type(2 ** (own - bits) - 1)
    return all(not (block.view(integer) & lost).any() for block in _blocks(features))


def _blocks(features: Floats) -> Iterator[npt.NDArray[Any]]:
    for rows in row_blocks(len(features), max(1, _BLOCK // features.shape[1])):
        yield np.ascontiguousarray(features[rows])
