"""The spaces of neighbour search: points with inner products that order like distances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats
from mood_sweeps.scorers.numeric.nearest_neighbours import Float32s, Neighbours, Points
from mood_sweeps.scorers.numeric.rows import by_rows, row_products, unit_rows
from mood_sweeps.scorers.scorer import State

__all__ = [
    "Vectors",
    "centre_of_alike",
    "direction_points",
    "kth_squared_distances",
    "query_points",
    "target_points",
]

Float64s = npt.NDArray[np.float64]
Vectors = Callable[[slice | npt.NDArray[np.integer]], Float64s]
"""A function from row indices to the vectors of these rows, float64 (rows, D)."""


# Below this variance of x / ‖x‖₂, rounding of float32 cosines (1e-7) would order neighbours.
_ALIKE = 1e-2
# How many rows the variance is measured on.
_SAMPLE = 2048


def centre_of_alike(features: Floats) -> State:
    """Return ``centre`` (D,) and ``scale`` () of directions that are nearly equal, else {}.

    Features with a mean that is large compared with their variation have nearly one direction.
    float32 distinguishes (direction − centre) / scale where it does not distinguish the directions.
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


def target_points(count: int, vectors: Vectors, scale: float) -> Points:
    """Return (y/a, −‖y/a‖²/2) of every vector y, a = ``scale``.

    The inner product with ``query_points`` falls with the Euclidean distance. scale: about the
    largest |y|, so that squares neither overflow nor vanish in float32.
    """

    def points(rows: slice) -> Float32s:
        scaled = (vectors(rows) / scale).astype(np.float32)
        wide = scaled.astype(np.float64)
        return np.column_stack([scaled, (-0.5 * row_products(wide, wide)).astype(np.float32)])

    return Points(count, points)


def query_points(count: int, vectors: Vectors, scale: float) -> Points:
    """Return (x/a, 1) of every vector x, divided by its largest element against overflow.

    The division does not change the order of the query's neighbours.
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
        differences = queries(rows) - targets(kth[rows])
        return row_products(differences, differences)

    return by_rows(len(kth), block)
