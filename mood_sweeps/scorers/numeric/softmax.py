"""Softmax and its logarithms, shifted by the maximum so that nothing overflows.

The probability p of the most likely class is represented by the odds against it, the sum of
exp(z_c − max z) over the other classes: in float32 they are exact to 1e-6 even where they are tiny,
unlike 1 − p.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import logits_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import by_rows, cached_rows, row_blocks

__all__ = [
    "below_largest",
    "largest_and_odds",
    "largest_and_odds_of",
    "largest_probability",
    "log_normalizer",
    "log_softmax",
    "log_sum_exp",
    "predicted_classes",
    "relative_probabilities",
]

Float64s = npt.NDArray[np.float64]


def largest_and_odds(logits: npt.NDArray[Any]) -> tuple[Float64s, Float64s]:
    """Return max z and the odds against its class of float (n, C), both float64 (n,).

    Exponentials are taken in the precision of the logits.
    """
    places = np.arange(len(logits)), logits.argmax(axis=1)
    largest = logits[places]
    others = logits - largest[:, None]
    np.exp(others, out=others)
    others[places] = 0
    return largest.astype(np.float64), np.einsum("ij->i", others).astype(np.float64)


def log_sum_exp(values: npt.NDArray[Any]) -> Float64s:
    """Return log Σ_c exp(z_c) of float (n, C), float64 (n,); finite for finite values."""
    largest, odds = largest_and_odds(values)
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


def relative_probabilities(logits: npt.NDArray[Any]) -> Float64s:
    """Return p_c / max p = exp(z_c − max z) of float (n, C), float64, in [0, 1]."""
    below = below_largest(logits)
    return np.exp(below, out=below)


def largest_and_odds_of(bank: FeatureBank) -> tuple[Float64s, Float64s]:
    """Return max z and the odds against its class of every row of the bank, float64 (N,)."""
    logits = logits_of(bank)

    def compute() -> tuple[Float64s, Float64s]:
        largest, odds = np.empty(len(logits)), np.empty(len(logits))
        for rows in row_blocks(len(logits), cached_rows(logits.shape[1])):
            largest[rows], odds[rows] = largest_and_odds(logits[rows])
        return largest, odds

    return once_per_bank(bank, "likeliest", compute)


def log_normalizer(bank: FeatureBank) -> Float64s:
    """Return log Σ_c exp(z_c) of every row of the bank, float64 (N,)."""
    largest, odds = largest_and_odds_of(bank)
    return largest + np.log1p(odds)


def largest_probability(logits: npt.NDArray[Any], temperature: float) -> Float64s:
    """Return max_c softmax(z / T)_c of float (N, C), float64 (N,); finite for finite logits."""

    def block(rows: slice) -> Float64s:
        below = below_largest(logits[rows])
        with np.errstate(over="ignore"):  # −∞ is right here: its exponential is zero
            below /= temperature
        largest: Float64s = 1 / np.exp(below, out=below).sum(axis=1)
        return largest

    return by_rows(len(logits), block, cached_rows(logits.shape[1]))


def predicted_classes(bank: FeatureBank, classes: int | None = None) -> npt.NDArray[np.intp]:
    """Return ŷ = argmax_c z_c of every row, (N,); ties: the first.

    Raises what ``logits_of`` raises; ``classes`` is the C that a state was learnt on.
    """
    logits = logits_of(bank, classes=classes)
    return once_per_bank(bank, "predicted classes", lambda: logits.argmax(axis=1))
