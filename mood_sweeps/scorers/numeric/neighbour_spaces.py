"""The spaces of neighbour search: points with inner products in the order of the distances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats
from mood_sweeps.scorers.numeric.nearest_neighbours import Float32s, Neighbours, Points
from mood_sweeps.scorers.numeric.row_blocks import by_rows, row_products
from mood_sweeps.scorers.numeric.unit_features import unit_rows
from mood_sweeps.scorers.scorer import State

__all__ = [
    "Vectors",
    "about_their_mean",
    "direction_points",
    "kth_squared_distances",
    "near_points",
    "query_points",
]

Float64s = npt.NDArray[np.float64]
Vectors = Callable[[slice | npt.NDArray[np.integer]], Float64s]
"""From some of the rows to their vectors, float64 (rows, D)."""


# Below this variance of x / ‖x‖₂, float32 cosines (1e-7) order neighbours by their rounding.
_ALIKE = 1e-2
# Rows that tell it.
_SAMPLE = 2048


def about_their_mean(features: Floats) -> State:
    """Return ``centre`` (D,) and ``scale`` () of directions that are much alike, else nothing.

    Features far from zero, compared with how they vary, all have nearly one direction: what is left
    of it about the centre, in units of ``scale``, is what float32 can tell apart.
    """
    directions = unit_rows(features[:: -(-len(features) // _SAMPLE)])
    centre = directions.mean(axis=0)
    directions -= centre
    if row_products(directions, directions).mean() > _ALIKE:
        return {}
    largest = float(np.abs(directions).max())
    return {"centre": centre, "scale": np.asarray(largest if largest > 0 else 1.0)}


def direction_points(features: Floats) -> Points:
    """Return x / ‖x‖₂ of every feature: the inner product is the cosine."""
    return Points(len(features), lambda rows: unit_rows(features[rows]).astype(np.float32))


def near_points(count: int, vectors: Vectors, scale: float) -> Points:
    """Return (y/a, −‖y/a‖²/2) of every vector y, a = ``scale``.

    The inner product with ``query_points`` is the larger, the smaller the Euclidean distance.
    scale: about the largest |y|, so that squares neither overflow nor vanish in float32.
    """

    def points(rows: slice) -> Float32s:
        scaled = (vectors(rows) / scale).astype(np.float32)
        wide = scaled.astype(np.float64)
        return np.column_stack([scaled, (-0.5 * row_products(wide, wide)).astype(np.float32)])

    return Points(count, points)


def query_points(count: int, vectors: Vectors, scale: float) -> Points:
    """Return (x/a, 1) of every vector x, divided by its largest part so that none overflows.

    The order of one query's neighbours is the same whatever its point is divided by.
    """

    def points(rows: slice) -> Float32s:
        lifted = np.column_stack([vectors(rows) / scale, np.ones(rows.stop - rows.start)])
        lifted /= np.abs(lifted).max(axis=1, keepdims=True)
        return lifted.astype(np.float32)

    return Points(count, points)


def kth_squared_distances(
    neighbours: Neighbours, k: int, queries: Vectors, targets: Vectors
) -> Float64s:
    """Return ‖x − y‖₂² of every query x and its k-th nearest target y, float64 (N,).

    Computed from the difference, not from the float32 product that found the neighbour.
    """
    kth = neighbours.indices[:, k - 1]

    def block(rows: slice) -> Float64s:
        apart = queries(rows) - targets(kth[rows])
        return row_products(apart, apart)

    return by_rows(len(kth), block)
