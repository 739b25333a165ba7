"""Neighbours as 64-bit keys, similarity in the high bits and index in the low bits.

Keys order like neighbours: larger similarity first and, of equal ones, smaller index first. The
order is total.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Float32s", "Keys", "indices_of", "merge", "similarities_of"]

Float32s = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint64]

_INDEX = np.uint64(32)
_LAST = np.uint64(2**32 - 1)
_SIGN = np.uint32(2**31)


def merge(best: Keys, similarities: Float32s, seen: int) -> None:
    """Update the ``best`` (b, k) of the first ``seen`` train points by the next w, (b, w).

    Rows are not sorted, except that the worst of each row is first; 0 means no neighbour.
    """
    k, width = best.shape[1], similarities.shape[1]
    if seen >= k:
        floor = similarities_of(best[:, 0])
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
    """Return 64-bit keys in the order of similarity, then of falling index.

    The bits of floats order as integers after the bits of negative floats are inverted and the sign
    bit of the others is set; adding zero turns −0 into 0.
    """
    bits = (similarities + np.float32(0)).view(np.uint32)
    rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (rising.astype(np.uint64) << _INDEX) | (_LAST - indices.astype(np.uint64))


def similarities_of(keys: Keys) -> Float32s:
    """Return the similarities, of the shape of the keys."""
    rising = (keys >> _INDEX).astype(np.uint32)
    similarities: Float32s = np.where(rising & _SIGN, rising ^ _SIGN, ~rising).view(np.float32)
    return similarities


def indices_of(keys: Keys) -> npt.NDArray[np.uint32]:
    """Return the indices, of the shape of the keys."""
    return (_LAST - (keys & _LAST)).astype(np.uint32)
