"""The Beta distribution, for intervals: SciPy's ``betainc`` without the time its import takes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

__all__ = ["beta_cdf", "beta_quantile", "root"]

_PRECISION = 1e-15
_TINY = 1e-300
_NARROW = 1e-13


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return P(X ≤ x), X ~ Beta(a, b), by Lentz's continued fraction; 0 ≤ x ≤ 1, a, b > 0."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image does not
        return 1 - beta_cdf(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(front + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    step = 0
    while True:
        step += 1
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d or _TINY)
            c = 1 + term / c or _TINY
            fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            return front * fraction


@functools.lru_cache(maxsize=256)  # sides of one size ask for the same limit again and again
def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return x with P(X ≤ x) = probability, X ~ Beta(a, b)."""
    return root(lambda x: beta_cdf(x, a, b) - probability, 0.0, 1.0)


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function that rises from below to above 0 between two values is 0.

    By Ridders' method (1979), to a relative precision of 1e-13: half as many calls as by halving.
    """
    at_low, at_high = rising(low), rising(high)
    while high - low > _NARROW * max(high, _TINY):
        middle = (low + high) / 2
        at_middle = rising(middle)
        step = (middle - low) / math.sqrt(at_middle**2 - at_low * at_high)
        guess = min(max(middle - step * at_middle, low), high)
        tried = sorted([(middle, at_middle), (guess, rising(guess))])
        width = high - low
        for x, value in tried:
            if value == 0:
                return x
            if value < 0 and x > low:
                low, at_low = x, value
            elif value > 0 and x < high:
                high, at_high = x, value
        if high - low >= width:  # nothing lies between them any more
            break
    return (low + high) / 2
