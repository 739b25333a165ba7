"""The rank correlation of two scores of the same samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["rank_correlation"]

Float64s = npt.NDArray[np.float64]


def rank_correlation(left: Float64s, right: Float64s) -> float:
    """Return Spearman's correlation of float64 (n,) and (n,), in [−1, 1].

    Equal values share a rank. NaN where one side is constant or not finite.
    """
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return float("nan")
    ranks = np.stack([_ranks(left), _ranks(right)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((ranks**2).sum(axis=1).prod())
    return float(ranks.prod(axis=0).sum() / scale) if scale > 0 else float("nan")


def _ranks(values: Float64s) -> Float64s:
    _, indices, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: Float64s = np.cumsum(counts) - counts / 2
    return middle[indices]
