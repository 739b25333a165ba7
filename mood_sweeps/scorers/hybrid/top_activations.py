"""The largest activations of every sample: their places and their sum.

Rows are sorted, not partitioned: with vector instructions a sort takes the same time, and a fifth
of it where most activations are 0, as after a ReLU.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats

__all__ = ["count_kept", "exponential_scale", "share_of_top", "sum_of_top", "sum_ratio"]

Float64s = npt.NDArray[np.float64]

# e^500 ≈ 1e217: a float32 times this does not overflow float64.
_LARGEST_EXPONENT = 500.0


def count_kept(width: int, percentile: float) -> int:
    """Return k, the number of ``width`` activations left when ``percentile`` % are pruned.

    Halves round to even, as in the official code of ASH; k is at least 1.
    """
    return max(1, width - round(width * percentile / 100))


def sum_of_top(features: Floats, k: int) -> Float64s:
    """Return the sum of the k largest activations of every row, float64 (n,)."""
    top: Float64s = np.sort(features, axis=1)[:, -k:].sum(axis=1, dtype=np.float64)
    return top


def share_of_top(features: Floats, k: int) -> Floats:
    """Return 1 where an activation is among the k largest of its row, 0 elsewhere, (n, D).

    Activations that tie at the threshold share the remaining places equally: the mean over all
    choices among them. A choice by position would make the score depend on the order of the
    dimensions.
    """
    threshold = np.sort(features, axis=1)[:, -k, None]
    is_top = features >= threshold
    share = is_top.astype(features.dtype)
    has_ties = np.count_nonzero(is_top, axis=1) > k
    if has_ties.any():
        share[has_ties] = _shared(features[has_ties], threshold[has_ties], k)
    return share


def _shared(features: Floats, threshold: Floats, k: int) -> Floats:
    above, tied = features > threshold, features == threshold
    left = k - np.count_nonzero(above, axis=1, keepdims=True)
    each = left / np.count_nonzero(tied, axis=1, keepdims=True)
    return np.where(tied, each, above).astype(features.dtype)


def sum_ratio(total: Float64s, top: Float64s, default: float) -> Float64s:
    """Return total / top of every row, float64 (n, 1); ``default`` where top is 0."""
    ratio = np.full(len(total), default)
    np.divide(total, top, out=ratio, where=top != 0)
    return ratio[:, None]


def exponential_scale(total: Float64s, top: Float64s) -> Float64s:
    """Return exp(total / top) of every row, float64 (n, 1), the scale of ASH-S and SCALE.

    Without negative activations the exponent is from 1 to D / k. With them any exponent occurs: it
    is clipped to ±500, and the scale is 1 where ``top`` is 0.
    """
    with np.errstate(over="ignore"):
        exponent = sum_ratio(total, top, default=0.0)
    return np.exp(np.clip(exponent, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
