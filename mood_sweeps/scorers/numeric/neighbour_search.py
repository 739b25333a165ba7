"""Exact search for the k nearest train points in bounded memory, and the spaces of the search.

The search finds the train points of largest inner product. All scorers with neighbours use it, each
with points that make inner products order like its distances. Each block of queries and tile of
train points is one float32 matrix product; similarities above the k-th best so far (a few in a
thousand) are merged into the best so far. No array has the size queries × train points, and no
second copy of a bank exists: points are computed tile by tile.

Of equal similarities the smaller index is nearer (``neighbour_keys.py``): the order is total, and
products do not depend on k, so the k nearest are the first k of the 2k nearest, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.neighbour_keys import Float32s, Keys, indices_of, similarities_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import by_rows, row_blocks, row_products, unit_rows
from mood_sweeps.scorers.scorer import State

__all__ = [
    "Float32s",
    "Neighbours",
    "Points",
    "Vectors",
    "centre_of_alike",
    "direction_points",
    "kth_squared_distances",
    "query_points",
    "search",
    "shared_search",
    "target_points",
]

# These affect the numbers: the last bits of a matrix product depend on where a block ends.
QUERIES, TILE = 1024, 4096
# Tiles of train points are computed once per pass over this many queries, or fewer, so that the
# best so far stay within 128 MB.
PASS, MAX_BEST = 16 * QUERIES, 2**24
# A search for 256 neighbours costs a seventh more than for 50, and serves every smaller k.
MIN_K = 256


@dataclass(frozen=True, eq=False)
class Points:
    """``count`` points; ``block(rows)`` computes some: finite, float32 (rows, dimensions)."""

    count: int
    block: Callable[[slice], Float32s]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest train points of every query, nearest first.

    similarities: float32 (n, k), inner products. indices: uint32 (n, k), rows of the train points.
    """

    similarities: Float32s
    indices: npt.NDArray[np.uint32]


def search(queries: Points, train: Points, k: int) -> Neighbours:
    """Return the ``k`` train points of largest inner product with each query; k ≤ train.count.

    Exact for the float32 products: two points may be swapped where their similarities differ by
    less than rounding.
    """
    found = np.empty((queries.count, k), dtype=np.uint64)
    for part in row_blocks(queries.count, max(1, min(PASS, MAX_BEST // k) // QUERIES) * QUERIES):
        _search_part(queries, part, train, found[part])
    return Neighbours(similarities_of(found), indices_of(found))


def shared_search(
    bank: FeatureBank, space: Hashable, queries: Points, train: Points, k: int
) -> Neighbours:
    """As ``search`` for the rows of ``bank``, with k or more columns, shared by many k.

    space: a name for the queries' space and the train points; equal names must mean equal results.
    A new search runs only for a k above 256 and above all k before; it then finds 256 · 4ⁿ ≥ k
    neighbours.
    """
    cache: dict[str, Neighbours] = once_per_bank(bank, ("neighbours", space), dict)
    if "found" not in cache or cache["found"].indices.shape[1] < k:
        columns = MIN_K
        while columns < k:
            columns *= 4
        cache["found"] = search(queries, train, min(columns, train.count))
    return cache["found"]


def _search_part(queries: Points, part: slice, train: Points, found: Keys) -> None:
    """Fill ``found`` with the best of all train points, best first."""
    on = device()
    blocks = list(row_blocks(len(found), QUERIES))
    points = on.send(
        np.concatenate(
            [queries.block(slice(part.start + b.start, part.start + b.stop)) for b in blocks]
        )
    )
    products = on.empty(QUERIES * TILE, np.float32)
    best = on.no_neighbours(*found.shape)
    for tile in row_blocks(train.count, TILE):
        columns = on.send(train.block(tile)).T
        for rows in blocks:
            shape = rows.stop - rows.start, columns.shape[1]
            similarities = products[: shape[0] * shape[1]].reshape(shape)
            on.xp.matmul(points[rows], columns, out=similarities)
            on.merge(best[rows], similarities, tile.start)
    for rows in blocks:
        found[rows] = np.sort(on.neighbours(best[rows]), axis=1)[:, ::-1]


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
