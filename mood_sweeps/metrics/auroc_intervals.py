"""Confidence intervals of the AUROC: DeLong on the logit scale, and what holds it near 0 and 1.

DeLong, DeLong & Clarke-Pearson (1988) estimate the variance V from the placements of each sample
among the other side; on the logit scale (Pepe, 2003) the limits cannot leave [0, 1]. Near AUROC = 1
V comes from a few images, and is 0 where the sides are separated, which would claim certainty. What
is lost there, q = 1 − AUROC, is a sum of few events: an image on the wrong side of many others. If
an event costs c, q is like a share of 1 / c trials with Jeffreys' limit, as with the effective
sample size of Korn & Graubard (1998):

    low = 1 − the (1 + level) / 2 quantile of Beta(q / c + ½, (1 − q) / c + ½)

By V an event costs q (1 − q) c = V; without evidence, a whole image of the smaller side, 1 / m. The
weight of the latter falls with the number of images that are lost, t = q m, as 1 / (1 + t + t²/2).
So separated sides have the limit of m trials that are all won, an AUROC below 1 a lower one, and
where many images are lost V alone counts. The logit's limit is taken where it is lower still.

The other limit is the logit's. A truth so near to 1 that even separated sides leave it inside can
only be missed at this end, which there has the whole of α = 1 − level: it is the truth where
P(as seen or further from 1) reaches α / 2, or α where that is less than P(separated sides), as
Blaker (2000) orders the outcomes. Below ½ all is mirrored. benchmarks/RESULTS.md has the coverage.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics.ranking import Ranking, rank

__all__ = [
    "auroc_interval",
    "auroc_of",
    "beta_cdf",
    "beta_quantile",
    "delong_variance",
    "interval_of",
    "root",
    "separation_limit",
    "variance_of",
]


def auroc_interval(
    id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """Return (low, high), 0 ≤ low ≤ AUROC ≤ high ≤ 1, never a single point at any AUROC.

    Scores (n_id,), (n_ood,), higher = more in-distribution. Raises InputError unless
    0 < level < 1, Undefined for an empty side, NaN or infinite scores.
    """
    return interval_of(rank(id_scores, ood_scores), level)


def delong_variance(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return DeLong's variance of the AUROC, in O(n log n) from the ranks.

    Raises Undefined where a side has fewer than two scores, or NaN or infinite ones.
    """
    return variance_of(rank(id_scores, ood_scores))


def auroc_of(ranking: Ranking) -> float:
    """Return the AUROC of a ranking; exact in integers up to the last division."""
    ood_below = np.cumsum(ranking.ood_counts) - ranking.ood_counts
    twice_wins = int((ranking.id_counts * (2 * ood_below + ranking.ood_counts)).sum())
    return twice_wins / (2 * ranking.n_id * ranking.n_ood)


def variance_of(ranking: Ranking) -> float:
    """Return DeLong's variance of the AUROC of a ranking; Undefined below two scores a side."""
    n_id, n_ood = ranking.n_id, ranking.n_ood
    if min(n_id, n_ood) < 2:
        raise Undefined("the variance of the AUROC needs two scores on either side")
    ood_below = np.cumsum(ranking.ood_counts) - ranking.ood_counts / 2
    id_above = n_id - np.cumsum(ranking.id_counts) + ranking.id_counts / 2
    return (
        _variance(ood_below / n_ood, ranking.id_counts) / n_id
        + _variance(id_above / n_id, ranking.ood_counts) / n_ood
    )


def interval_of(ranking: Ranking, level: float) -> tuple[float, float]:
    """Return the interval of the AUROC of a ranking; see ``auroc_interval``."""
    area = auroc_of(ranking)
    pairs = min(ranking.n_id, ranking.n_ood)
    limit = separation_limit(pairs, level)
    variance = variance_of(ranking) if pairs > 1 else 0.0
    if variance == 0 and 0 < area < 1:
        # All paired trials looked alike. At most a share 1 − L of trials looks different, and in
        # it the AUROC may be anything: both sides are open where all scores tie.
        return (0.0, 1.0) if pairs == 1 else (area * limit, area * limit + (1 - limit))
    lost = min(area, 1 - area)
    near, far = _near(lost, variance, pairs, level), _far(lost, variance, pairs, level)
    if area == 0.5:
        return 1 - far, far
    return (near, far) if area < 0.5 else (1 - far, 1 - near)


def separation_limit(pairs: int, level: float) -> float:
    """Return L = (α/2)^(1/pairs), α = 1 − level: the least share that all of ``pairs`` may be of.

    Where all of so many independent trials came out alike, at least this share of all trials does,
    at confidence 1 − α/2 (Clopper–Pearson). Raises InputError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise InputError(f"a confidence level must be between 0 and 1, not {level}")
    return float(((1 - level) / 2) ** (1 / pairs))


def _far(lost: float, variance: float, pairs: int, level: float) -> float:
    """Return the upper limit of what is lost, in [0, ½] as seen: the end away from 0."""
    probability = (1 + level) / 2
    separated = beta_quantile(probability, 0.5, pairs + 0.5)
    if lost == 0:
        return separated
    images = lost * pairs
    by_variance = variance / (lost * (1 - lost))
    event = by_variance + (1 / pairs - by_variance) / (1 + images + images**2 / 2)
    jeffreys = beta_quantile(probability, lost / event + 0.5, (1 - lost) / event + 0.5)
    return max(separated, jeffreys, _by_logit(lost, variance, probability))


def _near(lost: float, variance: float, pairs: int, level: float) -> float:
    """Return the lower limit of what is lost, in [0, ½] as seen: the end next to 0."""
    if lost == 0:
        return 0.0
    error = _logit_error(lost, variance)

    def excess(truth: float) -> float:
        """Return P(seen or more) − P(separated sides) of a truth."""
        seen = NormalDist().cdf((_logit(truth) - _logit(lost)) / error)
        return seen - (1 - beta_cdf(truth, 0.5, pairs + 0.5))

    one_sided = _by_logit(lost, variance, 1 - level)
    two_sided = _by_logit(lost, variance, (1 - level) / 2)
    if excess(one_sided) <= 0:
        return one_sided
    if excess(two_sided) >= 0:
        return two_sided
    return root(excess, two_sided, one_sided)


def _by_logit(lost: float, variance: float, probability: float) -> float:
    reach = NormalDist().inv_cdf(probability) * _logit_error(lost, variance)
    return _expit(_logit(lost) + reach)


def _logit_error(share: float, variance: float) -> float:
    return math.sqrt(variance) / (share * (1 - share))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _variance(placements: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> float:
    n = int(counts.sum())
    deviations = placements - (placements * counts).sum() / n
    return float((deviations**2 * counts).sum() / (n - 1))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


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
