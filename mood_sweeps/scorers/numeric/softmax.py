"""Softmax and its logarithms, shifted by the maximum so that nothing overflows.

What is said of the likeliest class is said by the odds against it, the sum of exp(z_c − max z)
over the others: in float32 they are exact to 1e-6 however small they are, where 1 − p is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import logits_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.row_blocks import by_rows, cached_rows, row_blocks

__all__ = [
    "below_largest",
    "largest_probability",
    "likeliest",
    "likeliest_of",
    "log_normalizer",
    "log_softmax",
    "log_sum_exp",
    "shares",
]

Float64s = npt.NDArray[np.float64]


def likeliest(logits: npt.NDArray[Any]) -> tuple[Float64s, Float64s]:
    """Return max z and the odds against its class of float (n, C), both float64 (n,).

    Exponentials are taken in the precision of the logits.
    """
    at = np.arange(len(logits)), logits.argmax(axis=1)
    largest = logits[at]
    others = logits - largest[:, None]
    np.exp(others, out=others)
    others[at] = 0
    return largest.astype(np.float64), np.einsum("ij->i", others).astype(np.float64)


def log_sum_exp(values: npt.NDArray[Any]) -> Float64s:
    """Return log Σ_c exp(z_c) of float (n, C), float64 (n,); finite for finite values."""
    largest, odds = likeliest(values)
    return largest + np.log1p(odds)


def log_softmax(logits: npt.NDArray[Any]) -> Float64s:
    """Return log softmax of float (n, C) along the classes, float64, finite for finite logits."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=-1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(axis=-1, keepdims=True))
    return wide


def below_largest(logits: npt.NDArray[Any]) -> Float64s:
    """Return z_c − max z of float (n, C), float64."""
    below = logits.astype(np.float64)
    below -= below.max(axis=1, keepdims=True)
    return below


def shares(logits: npt.NDArray[Any]) -> Float64s:
    """Return p_c / max p = exp(z_c − max z) of float (n, C), float64, in [0, 1]."""
    below = below_largest(logits)
    return np.exp(below, out=below)


def likeliest_of(bank: FeatureBank) -> tuple[Float64s, Float64s]:
    """Return max z and the odds against its class of every row of the bank, float64 (N,)."""
    logits = logits_of(bank)

    def compute() -> tuple[Float64s, Float64s]:
        largest, odds = np.empty(len(logits)), np.empty(len(logits))
        for rows in row_blocks(len(logits), cached_rows(logits.shape[1])):
            largest[rows], odds[rows] = likeliest(logits[rows])
        return largest, odds

    return once_per_bank(bank, "likeliest", compute)


def log_normalizer(bank: FeatureBank) -> Float64s:
    """Return log Σ_c exp(z_c) of every row of the bank, float64 (N,)."""
    largest, odds = likeliest_of(bank)
    return largest + np.log1p(odds)


def largest_probability(logits: npt.NDArray[Any], temperature: float) -> Float64s:
    """Return max_c softmax(z / T)_c of float (N, C), float64 (N,); finite for finite logits."""

    def block(rows: slice) -> Float64s:
        below = below_largest(logits[rows])
        with np.errstate(over="ignore"):  # −∞ is as good: its exponential is zero
            below /= temperature
        largest: Float64s = 1 / np.exp(below, out=below).sum(axis=1)
        return largest

    return by_rows(len(logits), block, cached_rows(logits.shape[1]))
