"""Rows of a bank: in blocks that stay in the cache; unchanged, or scaled to unit length."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats

__all__ = [
    "Rows",
    "by_rows",
    "cached_rows",
    "plain_rows",
    "row_blocks",
    "row_lengths",
    "row_products",
    "row_squares",
    "rows_for",
    "unit_rows",
]

# This affects the numbers: the last bits of a matrix product depend on where a block ends.
BLOCK = 2048
# Float64 numbers in 2 MB, about the cache of one core.
_CACHED = 2**18


def row_blocks(n: int, block: int = BLOCK) -> Iterator[slice]:
    """Yield slices that cover range(n) in order."""
    for start in range(0, n, block):
        yield slice(start, min(start + block, n))


def cached_rows(columns: int) -> int:
    """Return the block size for elementwise work on rows with this many columns.

    Elementwise results do not depend on the block size, so wide rows get smaller blocks.
    """
    return max(1, min(BLOCK, _CACHED // columns))


def by_rows(
    n: int, compute: Callable[[slice], npt.NDArray[np.float64]], block: int = BLOCK
) -> npt.NDArray[np.float64]:
    """Return float64 (n,): ``compute(rows)`` of every block, in order."""
    result = np.empty(n, dtype=np.float64)
    for rows in row_blocks(n, block):
        result[rows] = compute(rows)
    return result


def row_squares(values: Floats) -> npt.NDArray[np.float64]:
    """Return Σ_j values_ij² of every row, added in float64, (n,)."""
    squares: npt.NDArray[np.float64] = np.einsum("ij,ij->i", values, values, dtype=np.float64)
    return squares


def row_products(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return Σ_j left_ij · right_ij of every row, float64 (n,)."""
    products: npt.NDArray[np.float64] = np.einsum("ij,ij->i", left, right)
    return products


Rows = Callable[[Floats], npt.NDArray[np.float64]]
"""A function from a block of features (n, D) to the float64 (n, D) that a score uses."""


def rows_for(unit: bool) -> Rows:
    """Return ``unit_rows``, or else ``plain_rows``."""
    return unit_rows if unit else plain_rows


def plain_rows(rows: Floats) -> npt.NDArray[np.float64]:
    """Return an unchanged copy of every row, float64 (n, D)."""
    return rows.astype(np.float64)


def unit_rows(rows: Floats) -> npt.NDArray[np.float64]:
    """Return x / ‖x‖₂ of every row, float64 (n, D); a zero row stays zero."""
    unit = rows.astype(np.float64)
    unit /= row_lengths(unit)[:, None]
    return unit


def row_lengths(rows: Floats) -> npt.NDArray[np.float64]:
    """Return ‖x‖₂ of every row, float64 (n,), but 1 for a zero row, to divide by."""
    lengths = np.sqrt(row_squares(rows))
    lengths[lengths == 0] = 1
    return lengths
