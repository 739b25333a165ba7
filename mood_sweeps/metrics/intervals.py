"""Confidence intervals of the AUROC: DeLong on the logit scale, with an exact-type floor.

DeLong, DeLong & Clarke-Pearson (1988) estimate the variance from the placements of each sample
among the other side. On the logit scale (Pepe, 2003) the limits cannot leave [0, 1]. Where the two
sides are separated the estimated variance is 0 or nearly so, which would claim certainty; there an
exact argument takes over. Put every sample of the smaller side, m of them, in one pair with a
sample of the other side: m independent trials, each won with probability AUROC. Complete
separation means that all m are won, which happens with probability at most AUROC**m, so

    L = (α/2)**(1/m)

is the Clopper–Pearson lower limit of m wins in m trials, and valid for the AUROC. No data of this
size supports a higher lower limit, so L also caps DeLong's, and 1 − L is the least upper limit.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics.ranking import Ranking, rank

__all__ = [
    "auroc_interval",
    "auroc_of",
    "delong_variance",
    "interval_of",
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
    if variance == 0 or not 0 < area < 1:
        # All paired trials looked alike. At most a share 1 − L of trials looks different, and in
        # it the AUROC may be anything: [L, 1] at AUROC = 1, [0, 1 − L] at 0, both sides if all tie.
        if pairs == 1 and 0 < area < 1:
            return 0.0, 1.0
        return area * limit, area * limit + (1 - limit)
    reach = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance) / (area * (1 - area))
    centre = math.log(area / (1 - area))
    low, high = _expit(centre - reach), _expit(centre + reach)
    return min(low, limit), max(high, 1 - limit)


def separation_limit(pairs: int, level: float) -> float:
    """Return L = (α/2)^(1/pairs), α = 1 − level: the least share that all of ``pairs`` may be of.

    Where all of so many independent trials came out alike, at least this share of all trials does,
    at confidence 1 − α/2 (Clopper–Pearson). Raises InputError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise InputError(f"a confidence level must be between 0 and 1, not {level}")
    return float(((1 - level) / 2) ** (1 / pairs))


def _variance(placements: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> float:
    n = int(counts.sum())
    deviations = placements - (placements * counts).sum() / n
    return float((deviations**2 * counts).sum() / (n - 1))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
