"""k-means on a bounded sample of the train features; equal seeds give equal centres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.checked_arrays import train_features_of
from mood_sweeps.scorers.numeric.moments import feature_blocks
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import Rows, by_rows, row_blocks, row_products

__all__ = ["SAMPLE", "k_means", "nearest_centre", "sample_points", "train_clusters"]

Float64s = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

# More rows than CIFAR has; half a gigabyte in float64 with D = 1024.
SAMPLE = 2**16

_ITERATIONS = 100


def train_clusters(train: FeatureBank, k: int, seed: int, rows: Rows) -> Float64s:
    """Return the k-means centres of ``rows(train features)``, float64 (k, D).

    Raises Undefined where fewer than k of these rows differ.
    """
    features = train_features_of(train)

    def compute() -> Float64s:
        rng = np.random.default_rng(seed)
        points = sample_points(features, rows, rng)
        # Centred first: far from the origin, distances would be differences of large squares.
        mean: Float64s = points.mean(axis=0)
        return k_means(points - mean, k, rng) + mean

    return once_per_bank(train, ("clusters", k, seed, rows), compute)


def sample_points(features: Floats, rows: Rows, rng: np.random.Generator) -> Float64s:
    """Return ``rows(features)``, float64 (n, D): of all features, or of a sample of `SAMPLE`."""
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
    centres = points[_first_centres(points, k, rng)]
    nearest = nearest_centre(points, centres)
    for _ in range(_ITERATIONS):
        centres = _means(points, nearest, centres)
        before, nearest = nearest, nearest_centre(points, centres)
        if np.array_equal(before, nearest):
            break
    return centres


def nearest_centre(points: Float64s, centres: Float64s) -> Indices:
    """Return the index of the nearest centre (k, D) for each point (n, D), int (n,); ties: the
    first.
    """
    on = device()
    halves, columns = on.send(row_products(centres, centres) / 2), on.send(centres.T)
    nearest = np.empty(len(points), dtype=np.intp)
    for rows in row_blocks(len(points)):
        nearest[rows] = on.fetch((halves - on.send_part(points, rows) @ columns).argmin(1))
    return nearest


def _first_centres(points: Float64s, k: int, rng: np.random.Generator) -> list[int]:
    """Return the indices of k points, each drawn by its squared distance to those before."""
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
    # From differences, so that a point equal to the centre has distance exactly zero.
    def block(rows: slice) -> Float64s:
        differences = points[rows] - centre
        return row_products(differences, differences)

    return by_rows(len(points), block)


def _means(points: Float64s, nearest: Indices, centres: Float64s) -> Float64s:
    counts = np.bincount(nearest, minlength=len(centres))
    on = device()
    total = on.send(np.zeros_like(centres))
    for rows in row_blocks(len(points)):
        is_nearest = nearest[rows] == np.arange(len(centres))[:, None]
        total += on.send(is_nearest.astype(np.float64)) @ on.send_part(points, rows)
    sums = on.fetch(total)
    means: Float64s = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return means
