"""Means and covariances of all features or of a group of them, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.bank_statistics import Scatter, feature_mean, pooled_statistics
from mood_sweeps.scorers.numeric.checked_arrays import train_features_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import Rows, plain_rows, row_blocks, row_products

__all__ = [
    "Moments",
    "feature_blocks",
    "group_members",
    "ledoit_wolf",
    "moments_of",
    "train_mean",
    "train_moments",
]

Float64s = npt.NDArray[np.float64]
Members = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments that a Gaussian is fitted from.

    count: number of rows. mean: float64 (D,), μ. scatter: float64 (D, D), Σ_i (x_i − μ)(x_i − μ)ᵀ.
    fourth: Σ_i ‖x_i − μ‖⁴, from which `ledoit_wolf` estimates the error of the scatter.
    """

    count: int
    mean: Float64s
    scatter: Float64s
    fourth: float

    @property
    def variance(self) -> Float64s:
        """The variance of every dimension, float64 (D,)."""
        variance: Float64s = np.diag(self.scatter) / self.count
        return variance


def train_mean(train: FeatureBank, rows: Rows) -> Float64s:
    """Return the mean (D,) of ``rows(train features)``, float64."""
    if rows is plain_rows:
        return feature_mean(train)
    features = train_features_of(train)
    return once_per_bank(train, ("mean", rows), lambda: _mean_of(features, rows))


def train_moments(train: FeatureBank, rows: Rows) -> Moments:
    """Return the moments of ``rows(train features)``."""
    features = train_features_of(train)

    def compute() -> Moments:
        return _pooled(train) if rows is plain_rows else moments_of(features, rows)

    return once_per_bank(train, ("moments", rows), compute)


def moments_of(features: Floats, rows: Rows, members: Members | None = None) -> Moments:
    """Return the moments of the rows at ``members``; None means all."""
    mean = _mean_of(features, rows, members)
    scatter, fourth = Scatter(len(mean)), 0.0
    for block in feature_blocks(features, rows, members):
        block -= mean
        scatter.add(device().send(block))
        fourth += _fourth(block)
    count = len(features) if members is None else len(members)
    return Moments(count, mean, scatter.total(), fourth)


def feature_blocks(
    features: Floats, rows: Rows, members: Members | None = None
) -> Iterator[Float64s]:
    """Yield blocks of ``rows(features)``, each a new array."""
    for piece in row_blocks(len(features) if members is None else len(members)):
        yield rows(features[piece if members is None else members[piece]])


def group_members(groups: npt.NDArray[np.integer]) -> list[Members]:
    """Return the row indices of each group that occurs, in ascending order of groups."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def ledoit_wolf(moments: Moments) -> tuple[Float64s, float]:
    """Return Σ = (1 − δ) S + δ m I, float64 (D, D), and δ; S = scatter / n, m = tr S / D.

    δ = min(1, β / ‖S − mI‖_F²), β = (Σ_i ‖x_i − μ‖⁴ / n − ‖S‖_F²) / n: the shrinkage with the least
    expected squared error (Ledoit and Wolf, 2004, section 3). No eigenvalue is below δ·m.
    """
    sample = moments.scatter / moments.count
    variance = np.trace(sample) / len(sample)
    target = np.diag(np.full(len(sample), variance))
    distance = ((sample - target) ** 2).sum()
    error = (moments.fourth / moments.count - (sample**2).sum()) / moments.count
    share = min(max(float(error), 0.0) / float(distance), 1.0) if distance > 0 else 1.0
    return (1 - share) * sample + share * target, share


def _mean_of(features: Floats, rows: Rows, members: Members | None = None) -> Float64s:
    """Return the mean (D,) of the rows at ``members``, float64; None means all."""
    total = np.zeros(features.shape[1])
    for block in feature_blocks(features, rows, members):
        total += block.sum(axis=0)
    return total / (len(features) if members is None else len(members))


def _pooled(train: FeatureBank) -> Moments:
    """Return the moments of the plain features, from statistics shared with other scorers."""
    statistics = pooled_statistics(train)
    mean = statistics.mean
    fourth = sum(_fourth(block - mean) for block in feature_blocks(train.features, plain_rows))
    return Moments(len(train), mean, statistics.about(mean), fourth)


def _fourth(centred: Float64s) -> float:
    return float((row_products(centred, centred) ** 2).sum())
