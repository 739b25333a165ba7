"""A Weibull distribution fitted to the largest of many distances by maximum likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Weibull", "fit_tail"]

Float64s = npt.NDArray[np.float64]

# libMR shifts a tail so that its smallest distance is 10⁴. Published results use this shift, and it
# makes the fit robust: for distances far below 10⁴ it fits a Gumbel distribution, which has no end
# point with infinite density.
_SHIFT = 1e4
# The shape of a tail of equal distances: a step, as steep as rounding allows.
_STEEPEST = 1e12


class Weibull(NamedTuple):
    """P(distance ≤ d) = 1 − exp(−(x/λ)^k), x = d − origin + 10⁴; one or many side by side.

    origin: the smallest distance of the tail; −∞ if every distance counts as too far. shape: k.
    log_scale: log λ/10⁴.
    """

    origin: Float64s
    shape: Float64s
    log_scale: Float64s

    def probability(self, distance: Float64s) -> Float64s:
        """Return P(distance of an inlier ≤ ``distance``), elementwise, in [0, 1]."""
        logs = _log_shifted(distance - self.origin)
        # Exponents above 40 give 1; larger ones would overflow.
        hazard = np.exp(np.minimum(self.shape * (logs - self.log_scale), 40.0))
        return -np.expm1(-hazard)


def fit_tail(distances: Float64s, size: int) -> Weibull:
    """Fit the ``size`` largest of float64 (n,), or all if they are fewer.

    Without distances, every distance has probability 1. Deterministic and exact to rounding: the
    likelihood has one maximum, the root of a monotone function within known bounds.
    """
    from scipy.optimize import brentq

    if len(distances) == 0:
        return Weibull(np.array(-np.inf), np.array(1.0), np.array(0.0))
    tail = np.sort(distances)[-size:]
    logs = _log_shifted(tail - tail[0])
    below = logs - logs.max()
    lead = float(-below.mean())

    def excess(inverse_shape: float) -> float:
        weights = np.exp(below / inverse_shape)
        return float(inverse_shape - lead - weights @ below / weights.sum())

    shape = _STEEPEST
    if lead > 1 / _STEEPEST:
        shape = min(shape, 1 / float(brentq(excess, lead / len(tail), lead, xtol=1e-300)))
    log_scale = logs.max() + np.log(np.exp(shape * below).mean()) / shape
    return Weibull(tail[0], np.array(shape), log_scale)


def _log_shifted(beyond: Float64s) -> Float64s:
    """Return log((beyond + 10⁴) / 10⁴); at or below −10⁴ that of the next larger number."""
    logs: Float64s = np.log1p(np.maximum(beyond / _SHIFT, -1 + 2**-53))
    return logs
