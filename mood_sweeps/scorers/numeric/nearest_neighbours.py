"""Exact search for the k train points of largest inner product, in bounded memory.

All scorers with neighbours use this search, each in its own space (``neighbour_spaces.py``).
Each block of queries and tile of train points is one float32 matrix product; similarities above
the k-th best so far (a few in a thousand) are merged into the best so far. No array has the size
queries × train points, and no second copy of a bank exists: points are computed tile by tile.

Of equal similarities the smaller index is nearer (``neighbour_keys.py``): the order is total, and
products do not depend on k, so the k nearest are the first k of the 2k nearest, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.neighbour_keys import Float32s, Keys, indices_of, similarities_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = ["Float32s", "Neighbours", "Points", "search", "shared_search"]

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
