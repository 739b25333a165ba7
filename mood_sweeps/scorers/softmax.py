"""Softmax and its logarithms in float64, shifted by the maximum so that nothing overflows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.checks import logits_of
from mood_sweeps.scorers.per_bank import once_per_bank
from mood_sweeps.scorers.rows import by_rows

__all__ = ["log_normalizer", "log_softmax", "log_sum_exp"]

Float64s = npt.NDArray[np.float64]


def log_sum_exp(values: npt.NDArray[Any], axis: int = -1) -> Float64s:
    """Return log Σ exp(values) along ``axis``, float64; finite for finite values."""
    wide = values.astype(np.float64)
    largest = wide.max(axis=axis, keepdims=True)
    wide -= largest
    np.exp(wide, out=wide)
    total: Float64s = np.log(wide.sum(axis=axis)) + largest.squeeze(axis=axis)
    return total


def log_softmax(logits: npt.NDArray[Any]) -> Float64s:
    """Return log softmax of float (n, C) along the classes, float64, finite for finite logits."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=-1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(axis=-1, keepdims=True))
    return wide


def log_normalizer(bank: FeatureBank) -> Float64s:
    """Return log Σ_c exp(z_c) of every row of the bank, float64 (N,)."""
    logits = logits_of(bank)
    return once_per_bank(
        bank,
        "log normalizer",
        lambda: by_rows(len(bank), lambda rows: log_sum_exp(logits[rows])),
    )
