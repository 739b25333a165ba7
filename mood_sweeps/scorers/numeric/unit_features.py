"""Features unchanged, or scaled to unit length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats
from mood_sweeps.scorers.numeric.row_blocks import row_squares

__all__ = ["Rows", "plain_rows", "row_lengths", "rows_for", "unit_rows"]

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
