"""Exact quantiles of the activations of a bank, without a second copy of its features.

A quantile lies between two order statistics. A radix selection on the bits of floating-point
numbers finds an order statistic, 16 bits (a digit) at a time: count the values of the first 16
bits, choose the value that contains the rank, then count the next 16 bits of the activations that
begin with it. Two passes for float32, four for float64, half a megabyte for each count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.checked_arrays import train_features_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = ["activation_quantile", "dimension_quantiles"]

_DIGIT = 16
_VALUES = 2**_DIGIT

# Activations that are counted at once: their int64 copy, 1 MB, stays in the cache.
_BLOCK = 2**17

# A cache line of float32 holds 16, and 16 columns of 1.28 million rows are 82 MB.
_COLUMNS = 16

# Rows that are transposed at once: more do not fit into the L1 cache and take four times as long.
_TILE = 256


def activation_quantile(train: FeatureBank, quantile: float) -> np.floating[Any]:
    """Return the quantile of all N·D activations together, in the features' dtype.

    Linear interpolation, equal to ``np.quantile(features, quantile)`` to the last bit (a zero is
    always positive). Raises Undefined without rows or where one is not finite.
    """
    features = train_features_of(train)
    lower, upper, fraction = _neighbours(features.size, quantile)
    neighbours = [_order_statistic(train, rank) for rank in (lower, upper)]
    value: np.floating[Any] = _interpolate(np.array(neighbours, features.dtype), fraction)
    return value


def dimension_quantiles(train: FeatureBank, quantiles: tuple[float, ...]) -> Floats:
    """Return the quantiles of each dimension, (len(quantiles), D), in the features' dtype.

    Equal to ``np.quantile(features, quantile, axis=0)`` to the last bit, computed a few columns at
    a time. Raises Undefined without rows or where one is not finite.
    """
    features = train_features_of(train)
    count, width = features.shape

    def compute() -> Floats:
        result = np.empty((len(quantiles), width), dtype=features.dtype)
        for start in range(0, width, _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            ordered = np.empty((min(_COLUMNS, width - start), count), dtype=features.dtype)
            for rows in row_blocks(count, _TILE):
                ordered[:, rows] = features[rows, columns].T
            # A vectorised sort is faster than a partition for each quantile.
            ordered.sort(axis=1)
            for row, quantile in zip(result, quantiles, strict=True):
                lower, upper, fraction = _neighbours(count, quantile)
                row[columns] = _interpolate(ordered[:, [lower, upper]].T, fraction)
        return result

    return once_per_bank(train, ("dimension quantiles", quantiles), compute)


def _neighbours(count: int, quantile: float) -> tuple[int, int, float]:
    """Return the ranks around a quantile, and its fraction of the way between them, in [0, 1)."""
    rank = (count - 1) * quantile
    lower = math.floor(rank)
    return lower, min(lower + 1, count - 1), rank - lower


def _interpolate(neighbours: Floats, fraction: float) -> Any:
    # NumPy's own interpolation between the two numbers, to round as NumPy does.
    return np.quantile(neighbours, fraction, axis=0)


def _order_statistic(train: FeatureBank, rank: int) -> np.floating[Any]:
    """Return the activation at ``rank``, from 0, in ascending order."""
    dtype = train.features.dtype
    bits = _bits(dtype)
    digits = 8 * dtype.itemsize // _DIGIT
    begin = 0
    for known in range(digits):
        counts = _next_digit_counts(train, known, begin)
        order = _ascending(known, begin)
        preceding = np.cumsum(counts[order])
        at = int(np.searchsorted(preceding, rank, side="right"))
        count = int(counts[order[at]])
        rank -= int(preceding[at]) - count
        begin = begin << _DIGIT | int(order[at])
        # Many activations after a ReLU are exactly 0: their other bits need no pass.
        rounded = begin << _DIGIT * (digits - known - 1)
        if _count_of(train, rounded) == count:
            begin = rounded
            break
    value: np.floating[Any] = bits.type(begin).view(dtype)
    return value + dtype.type(0)


def _ascending(known: int, begin: int) -> npt.NDArray[np.int64]:
    """Return the values of digit ``known`` in the order of ascending numbers.

    The bits of negative numbers order inversely. In the first digit, negative numbers, which have
    the sign bit set, come before the others.
    """
    values = np.arange(_VALUES)
    if known == 0:
        return np.concatenate([values[: _VALUES // 2 - 1 : -1], values[: _VALUES // 2]])
    negative = begin >> (_DIGIT * known - 1)
    return values[::-1] if negative else values


def _next_digit_counts(train: FeatureBank, known: int, begin: int) -> npt.NDArray[np.int64]:
    """Count the values of digit ``known`` among activations with ``begin`` as the digits before it.

    Returns int64 (65536,).
    """
    bits = _bits(train.features.dtype)
    shift = bits.type(8 * bits.itemsize - _DIGIT * (known + 1))

    def compute() -> npt.NDArray[np.int64]:
        counts = np.zeros(_VALUES, dtype=np.int64)
        for block in _blocks_of_bits(train):
            digits = block >> shift
            if known:
                digits = digits[digits >> bits.type(_DIGIT) == begin] & bits.type(_VALUES - 1)
            counts += np.bincount(digits.astype(np.int64), minlength=_VALUES)
        return counts

    return once_per_bank(train, ("activation digits", known, begin), compute)


def _count_of(train: FeatureBank, pattern: int) -> int:
    """Return how many activations have exactly these bits."""
    wanted = _bits(train.features.dtype).type(pattern)
    return sum(int(np.count_nonzero(block == wanted)) for block in _blocks_of_bits(train))


def _blocks_of_bits(train: FeatureBank) -> Iterator[npt.NDArray[Any]]:
    features = train.features
    for rows in row_blocks(len(features), max(1, _BLOCK // features.shape[1])):
        yield np.ascontiguousarray(features[rows]).view(_bits(features.dtype)).ravel()


def _bits(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(f"u{dtype.itemsize}")
