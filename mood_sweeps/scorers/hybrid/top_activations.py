"""The largest activations of every sample: which they are, what they sum to.

Rows are sorted, not partitioned: by vector instructions that takes the same time, and a fifth of
it where most activations are 0, as those of a ReLU are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats

__all__ = ["exponential_scale", "kept_places", "share_of_top", "sum_of_top", "sum_ratio"]

Float64s = npt.NDArray[np.float64]

# e^500 ≈ 1e217: any float32 can be scaled by it without an overflow of float64.
_LARGEST_EXPONENT = 500.0


def kept_places(width: int, percentile: float) -> int:
    """Return k, how many of ``width`` activations are left when ``percentile`` % are pruned.

    Halves are rounded to even, as the official code of ASH rounds; one is always left.
    """
    return max(1, width - round(width * percentile / 100))


def sum_of_top(features: Floats, k: int) -> Float64s:
    """Return the sum of the k largest activations of every row, float64 (n,)."""
    top: Float64s = np.sort(features, axis=1)[:, -k:].sum(axis=1, dtype=np.float64)
    return top


def share_of_top(features: Floats, k: int) -> Floats:
    """Return 1 where an activation is among the k largest of its row, 0 elsewhere, (n, D).

    Activations that tie for the last places share them equally: the mean over all ways to choose
    among them. A choice by position would make the score depend on the order of the dimensions.
    """
    border = np.sort(features, axis=1)[:, -k, None]
    reached = features >= border
    share = reached.astype(features.dtype)
    crowded = np.count_nonzero(reached, axis=1) > k
    if crowded.any():
        share[crowded] = _shared(features[crowded], border[crowded], k)
    return share


def _shared(features: Floats, border: Floats, k: int) -> Floats:
    above, tied = features > border, features == border
    left = k - np.count_nonzero(above, axis=1, keepdims=True)
    each = left / np.count_nonzero(tied, axis=1, keepdims=True)
    return np.where(tied, each, above).astype(features.dtype)


def sum_ratio(total: Float64s, top: Float64s, without: float) -> Float64s:
    """Return total / top of every row, float64 (n, 1); ``without`` where the top sums to 0."""
    ratio = np.full(len(total), without)
    np.divide(total, top, out=ratio, where=top != 0)
    return ratio[:, None]


def exponential_scale(total: Float64s, top: Float64s) -> Float64s:
    """Return exp(total / top) of every row, float64 (n, 1), the scale of ASH-S and SCALE.

    Activations that are never negative give exponents from 1 to D / k. Others may give any: a
    top that sums to 0 has nothing to scale by (1), and exponents are cut at ±500.
    """
    with np.errstate(over="ignore"):
        exponent = sum_ratio(total, top, without=0.0)
    return np.exp(np.clip(exponent, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
