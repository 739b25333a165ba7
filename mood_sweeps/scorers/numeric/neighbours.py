"""Exact search for the k train points of largest inner product, in bounded memory.

Everything that looks for neighbours is this search, in one space or another (``spaces.py``).
Blocks of queries times tiles of train points is one float32 matrix product each; what of it beats
the k-th best so far (a few in a thousand) is merged into the best so far. No array is as large as
queries × train points, nor a second time as large as a bank: points are made tile by tile.

A neighbour is one 64-bit number, its similarity above its index, made so that integers order as
the neighbours do: larger similarity first and, of equals, smaller index. The order is total, and
products do not depend on k, so the k nearest are the first k of the 2k nearest, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = ["Float32s", "Neighbours", "Points", "search", "shared_search"]

Float32s = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint64]

# Part of the numbers: the last bits of a matrix product depend on where a block ends.
QUERIES, TILE = 1024, 4096
# Tiles of train points are made once per sweep over this many queries, or as many as keep the
# best so far within 128 MB.
SWEEP, KEPT = 16 * QUERIES, 2**24
# Looking for this many costs a seventh more than looking for 50, and serves every smaller k.
LEAST = 256

_INDEX = np.uint64(32)
_LAST = np.uint64(2**32 - 1)
_SIGN = np.uint32(2**31)


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

    Exact for the float32 products: points whose similarities differ by less than their rounding
    may change places.
    """
    found = np.empty((queries.count, k), dtype=np.uint64)
    for sweep in row_blocks(queries.count, max(1, min(SWEEP, KEPT // k) // QUERIES) * QUERIES):
        _sweep(queries, sweep, train, found[sweep])
    return Neighbours(_similarities(found), (_LAST - (found & _LAST)).astype(np.uint32))


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
    blocks = list(row_blocks(len(found), QUERIES))
    points = np.concatenate(
        [queries.block(slice(sweep.start + b.start, sweep.start + b.stop)) for b in blocks]
    )
    products = np.empty(QUERIES * TILE, dtype=np.float32)
    found[:] = 0
    for tile in row_blocks(train.count, TILE):
        columns = train.block(tile).T
        for rows in blocks:
            shape = rows.stop - rows.start, columns.shape[1]
            similarities = products[: shape[0] * shape[1]].reshape(shape)
            np.matmul(points[rows], columns, out=similarities)
            _merge(similarities, tile.start, found[rows])
    found.sort(axis=1)
    found[:] = found[:, ::-1].copy()


def _merge(similarities: Float32s, seen: int, best: Keys) -> None:
    """Update the ``best`` (b, k) of the first ``seen`` train points by the next w, (b, w).

    Not sorted, but for the worst of each row, which comes first; 0 stands for none.
    """
    k, width = best.shape[1], similarities.shape[1]
    if seen >= k:
        floor = _similarities(best[:, 0])
    elif width > k:
        # At least k points are as near as the k-th best of this tile alone.
        kth = np.partition(similarities, width - k, axis=1)[:, width - k]
        floor = np.nextafter(kth, np.float32(-np.inf))
    else:
        floor = np.full(len(best), -np.inf, dtype=np.float32)
    better = np.flatnonzero(similarities > floor[:, None])
    if not len(better):
        return
    row, column = np.divmod(better, width)
    counts = np.bincount(row, minlength=len(best))
    most = int(counts.max())
    place = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    merged = np.zeros((len(best), k + most), dtype=np.uint64)
    merged[:, :k] = best
    merged[row, k + place] = _keys(similarities.ravel()[better], column + seen)
    merged.partition(most, axis=1)
    best[:] = merged[:, most:]


def _keys(similarities: Float32s, indices: npt.NDArray[np.intp]) -> Keys:
    """Return 64-bit numbers that order as similarity, then as falling index.

    The bits of a float order as integers once those of negative ones are inverted and positive
    ones are lifted above them; adding zero makes −0 the 0 that it equals.
    """
    bits = (similarities + np.float32(0)).view(np.uint32)
    rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (rising.astype(np.uint64) << _INDEX) | (_LAST - indices.astype(np.uint64))


def _similarities(keys: Keys) -> Float32s:
    rising = (keys >> _INDEX).astype(np.uint32)
    similarities: Float32s = np.where(rising & _SIGN, rising ^ _SIGN, ~rising).view(np.float32)
    return similarities
