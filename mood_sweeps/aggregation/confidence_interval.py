"""Student's interval of a mean over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

__all__ = ["FEWEST", "mean_interval"]

FEWEST = 3
"""Seeds below which no interval is given: with two, chance alone makes it any width."""


def mean_interval(
    values: Sequence[float], bounds: tuple[float, float], level: float = 0.95
) -> tuple[float, float]:
    """Return (low, high) = mean ± t · s / √n, t of n − 1 degrees of freedom, s with n − 1 below.

    values: one per seed, drawn independently. bounds: what the mean cannot be beyond; the interval
    is cut there. (NaN, NaN) for fewer than ``FEWEST`` values.
    """
    n = len(values)
    if n < FEWEST:
        return math.nan, math.nan
    mean = float(np.mean(values))
    reach = float(stdtrit(n - 1, (1 + level) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return max(bounds[0], mean - reach), min(bounds[1], mean + reach)
