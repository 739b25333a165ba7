"""Exact search for the k train points of largest inner product, in bounded memory.

Everything that looks for neighbours is this search, in one space or another (``spaces.py``).
Blocks of queries times tiles of train points is one float32 matrix product each; what of it beats
the k-th best so far (a few in a thousand) is merged into the best so far. No array is as large as
queries × train points, nor a second time as large as a bank: points are made tile by tile.

Of equal similarities the smaller index is nearer (`nearest_keys.py`): the order is total, and
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
from mood_sweeps.scorers.numeric.row_blocks import row_blocks

__all__ = ["Float32s", "Neighbours", "Points", "search", "shared_search"]

# Part of the numbers: the last bits of a matrix product depend on where a block ends.
QUERIES, TILE = 1024, 4096
# Tiles of train points are made once per sweep over this many queries, or as many as keep the
# best so far within 128 MB.
SWEEP, KEPT = 16 * QUERIES, 2**24
# Looking for this many costs a seventh more than looking for 50, and serves every smaller k.
LEAST = 256


@dataclass(frozen=True, eq=False)
class Points:
    """``count`` points; ``block(rows)`` makes some of them: finite, float32 (rows, dimensions)."""

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

    Exact for the float32 products: points with similarities that differ by less than their rounding
    may change places.
    """
    found = np.empty((queries.count, k), dtype=np.uint64)
    for sweep in row_blocks(queries.count, max(1, min(SWEEP, KEPT // k) // QUERIES) * QUERIES):
        _sweep(queries, sweep, train, found[sweep])
    return Neighbours(similarities_of(found), indices_of(found))


def shared_search(
    bank: FeatureBank, space: Hashable, queries: Points, train: Points, k: int
) -> Neighbours:
    """As ``search`` for the rows of ``bank``, with k or more columns: one for many k.

    space: names the queries' space and the train points, so that equal names have equal results.
    Only a k larger than all before, and than 256, is searched for again, and then up to the next
    power of four.
    """
    known: dict[str, Neighbours] = once_per_bank(bank, ("neighbours", space), dict)
    if "found" not in known or known["found"].indices.shape[1] < k:
        most = LEAST
        while most < k:
            most *= 4
        known["found"] = search(queries, train, min(most, train.count))
    return known["found"]


def _sweep(queries: Points, sweep: slice, train: Points, found: Keys) -> None:
    """Fill ``found`` with the best of all train points, best first."""
    on = device()
    blocks = list(row_blocks(len(found), QUERIES))
    points = on.take(
        np.concatenate(
            [queries.block(slice(sweep.start + b.start, sweep.start + b.stop)) for b in blocks]
        )
    )
    products = on.empty(QUERIES * TILE, np.float32)
    best = on.no_neighbours(*found.shape)
    for tile in row_blocks(train.count, TILE):
        columns = on.take(train.block(tile)).T
        for rows in blocks:
            shape = rows.stop - rows.start, columns.shape[1]
            similarities = products[: shape[0] * shape[1]].reshape(shape)
            on.xp.matmul(points[rows], columns, out=similarities)
            on.merge(best[rows], similarities, tile.start)
    for rows in blocks:
        found[rows] = np.sort(on.neighbours(best[rows]), axis=1)[:, ::-1]
