"""The precision of features, and the variance that rounding alone can cause.

A covariance is computed in float64, but its features were computed by a network in float32 or
less. A direction in which they do not vary (LayerNorm causes one, for all images) then has the
variance of their rounding, and its inverse is noise: the precision of the features, not that of
the covariance, must decide whether the direction counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = [
    "computed_rounding",
    "count_above_rounding",
    "measured_rounding",
    "rounding_along",
    "rounding_variance",
]

Float64s = npt.NDArray[np.float64]

# Features of one image differ by up to about 40 units in the last place between memory layouts and
# libraries, because a network rounds in every layer. Features in half precision were computed in
# float32 and rounded once, when stored.
_ROUNDINGS = 64
# The mean of a feature is mostly added last (as a bias), and rounded then. The allowance is 10⁻⁶ of
# it, 8 units, and a margin for the variance of a sample.
_OF_THE_MEAN = 12
# The allowance of a network is at most this share of the largest variance: where no feature varies
# by more than its mean's allowance, the variances are real and not rounding.
_OF_THE_LARGEST = 0.01
# Explicit bits of a significand.
_FLOAT32, _FLOAT16, _BFLOAT16 = 23, 10, 7
# Features that are examined at once: the first block nearly always shows that they are float32.
_BLOCK = 2**17


def computed_rounding(dtype: npt.DTypeLike) -> float:
    """Return the relative deviation that rounding may cause in the output of a network."""
    return float(_ROUNDINGS * np.finfo(dtype).eps)


def measured_rounding(bank: FeatureBank) -> float:
    """Return the relative deviation that rounding may cause in the features of a bank.

    The values decide, not the dtype: float64 numbers that float32 represents exactly were computed
    in float32, and float32 numbers that float16 or bfloat16 represents exactly were stored in that.
    Numbers that are all multiples of one step, such as integers, may be exact: they count as
    float32.
    """
    features = bank.features
    return once_per_bank(bank, "measured rounding", lambda: _measured(features))


def rounding_variance(rounding: float, mean: Float64s, variance: Float64s) -> Float64s:
    """Return the variance that rounding alone may cause in every dimension of features, (D,).

    rounding: relative, see `measured_rounding`. mean, variance: of every dimension, (D,), of the
    unchanged features. Each dimension has its own rounding: large values, or values far from zero,
    round more coarsely than others. The deviation may be wrong by ``rounding``, the mean by less
    (by half of it where features were rounded once, when stored). Where nothing varies by much more
    than that, the rounding of the dtype, half a unit, decides.
    """
    squares = variance + mean**2
    if rounding > computed_rounding(np.float32):  # stored in half precision, rounded once
        return rounding**2 * (variance + mean**2 / 4)
    allowed = rounding**2 * (variance + (_OF_THE_MEAN / _ROUNDINGS * mean) ** 2)
    known = allowed > 0
    largest = (variance[known] / allowed[known]).max(initial=0.0)
    stored = max(rounding / (2 * _ROUNDINGS), computed_rounding(np.float64))
    least: Float64s = np.maximum(allowed * min(1.0, _OF_THE_LARGEST * largest), stored**2 * squares)
    return least


def count_above_rounding(values: Float64s, rounding: Float64s | float) -> int:
    """Return how many eigenvalues, largest first, are more than rounding.

    rounding: the variance that rounding may give to each direction, see `rounding_along`. The
    rounding of the matrix itself, float64, is allowed for as in ``scipy.linalg.pinvh``.
    """
    own = np.finfo(np.float64).eps * len(values) * values[0]
    return int(np.logical_and.accumulate(values > np.maximum(own, rounding)).sum())


def rounding_along(axes: Float64s, rounding: Float64s) -> Float64s:
    """Return the variance that rounding may give to x a_k, (k,), of the columns a_k of axes (D, k).

    rounding: of every dimension, (D,), see `rounding_variance`.
    """
    variance: Float64s = rounding @ axes**2
    return variance


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
