"""k-means on a bounded sample of the train features, the same for the same seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.checked_arrays import train_features_of
from mood_sweeps.scorers.numeric.moments import feature_blocks
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.row_blocks import by_rows, row_blocks, row_products
from mood_sweeps.scorers.numeric.unit_features import Rows

__all__ = ["SAMPLE", "k_means", "nearest_centre", "sample_points", "train_clusters"]

Float64s = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# More rows than any CIFAR has; in float64 and D = 1024 half a gigabyte.
SAMPLE = 2**16

_ITERATIONS = 100


def train_clusters(train: FeatureBank, k: int, seed: int, rows: Rows) -> Float64s:
    """Return the k-means centres of the train features as ``rows`` makes them, float64 (k, D).

    Raises Undefined where fewer than k of them differ.
    """
    features = train_features_of(train)

    def compute() -> Float64s:
        rng = np.random.default_rng(seed)
        points = sample_points(features, rows, rng)
        # Distances are differences of large squares unless the origin lies amid the points.
        mean: Float64s = points.mean(axis=0)
        return k_means(points - mean, k, rng) + mean

    return once_per_bank(train, ("clusters", k, seed, rows), compute)


def sample_points(features: Floats, rows: Rows, rng: np.random.Generator) -> Float64s:
    """Return the features as ``rows`` makes them, float64 (n, D): all, or `SAMPLE` drawn ones."""
    members = None
    if len(features) > SAMPLE:
        members = np.sort(rng.choice(len(features), SAMPLE, replace=False))
    points = np.empty((min(len(features), SAMPLE), features.shape[1]))
    for piece, block in zip(
        row_blocks(len(points)), feature_blocks(features, rows, members), strict=True
    ):
        points[piece] = block
    return points


def k_means(points: Float64s, k: int, rng: np.random.Generator) -> Float64s:
    """Return k centres of float64 (n, D), each the mean of the points nearest to it.

    Lloyd's iteration from k-means++ (Arthur and Vassilvitskii, 2007) until no point changes its
    centre, 100 times at most. A centre that loses all its points stays where it is.
    Raises Undefined where fewer than k points differ.
    """
    centres = points[_spread(points, k, rng)]
    nearest = nearest_centre(points, centres)
    for _ in range(_ITERATIONS):
        centres = _means(points, nearest, centres)
        before, nearest = nearest, nearest_centre(points, centres)
        if np.array_equal(before, nearest):
            break
    return centres


def nearest_centre(points: Float64s, centres: Float64s) -> Places:
    """Return which centre (k, D) is nearest to each point (n, D), int (n,); the first of equals."""
    on = device()
    halves, columns = on.take(row_products(centres, centres) / 2), on.take(centres.T)
    nearest = np.empty(len(points), dtype=np.intp)
    for rows in row_blocks(len(points)):
        nearest[rows] = on.give((halves - on.part(points, rows) @ columns).argmin(1))
    return nearest


def _spread(points: Float64s, k: int, rng: np.random.Generator) -> list[int]:
    """Return k points far apart: each is drawn by its squared distance to those before."""
    chosen = [int(rng.integers(len(points)))]
    squared = _squared_to(points, points[chosen[0]])
    while len(chosen) < k:
        total = squared.sum()
        if total == 0:
            raise Undefined(f"fewer than {k} train features differ: there are no {k} clusters")
        chosen.append(int(rng.choice(len(points), p=squared / total)))
        squared = np.minimum(squared, _squared_to(points, points[chosen[-1]]))
    return chosen


def _squared_to(points: Float64s, centre: Float64s) -> Float64s:
    # By differences: a point that is the centre is to be at distance zero, not near it.
    def block(rows: slice) -> Float64s:
        differences = points[rows] - centre
        return row_products(differences, differences)

    return by_rows(len(points), block)


def _means(points: Float64s, nearest: Places, centres: Float64s) -> Float64s:
    counts = np.bincount(nearest, minlength=len(centres))
    on = device()
    total = on.take(np.zeros_like(centres))
    for rows in row_blocks(len(points)):
        of = nearest[rows] == np.arange(len(centres))[:, None]
        total += on.take(of.astype(np.float64)) @ on.part(points, rows)
    sums = on.give(total)
    means: Float64s = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return means
