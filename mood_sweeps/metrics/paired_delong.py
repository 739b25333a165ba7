"""Paired DeLong: whether one score separates ID from OOD better than another on the same images.

DeLong, DeLong & Clarke-Pearson (1988). Both scores rank the same images, so the errors of their
AUROCs go together, and the variance of the difference is less than the sum of the variances. With
V₁₀, V₀₁ the placements of each image under A less those under B,

    Var(AUROC_A − AUROC_B) = Var(V₁₀) / n_id + Var(V₀₁) / n_ood
                           = Var(AUROC_A) + Var(AUROC_B) − 2 Cov(AUROC_A, AUROC_B)

z = (AUROC_A − AUROC_B) / √Var, p = 2 Φ(−|z|), interval = difference ± z_α √Var, cut at ±1; it holds
0 exactly where p ≥ α. Near AUROC = 1 (from about 0.98 on for 200 images a side) the difference is
skewed: the test stays on the safe side, the interval may end too near to 0.

Where both scores rank all images alike, or each is separated or constant, the variance is 0, which
would claim certainty; there an exact argument takes over, as for a single AUROC (see
``intervals``). Put every image of the smaller side, m of them, in one pair with an image of the
other side. In all m independent pairs A wins d = AUROC_A − AUROC_B more than B. At least a share
L = (α/2)^(1/m) of all pairs is so, and in the rest the difference may be anything from −1 to 1:

    [L d − (1 − L), L d + (1 − L)],  p = min(1, 2 (1 + |d|)^−m)

p being twice the largest probability that m pairs come out so where the true difference is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics.auroc_intervals import separation_limit
from mood_sweeps.metrics.ranking import Counts, counted, places

__all__ = [
    "AurocDifference",
    "Placements",
    "auroc_covariance",
    "difference_of",
    "paired_delong",
    "placements",
]


@dataclass(frozen=True)
class AurocDifference:
    """How much better score A separates than score B on the same images.

    difference: AUROC_A − AUROC_B, in [−1, 1]; positive where A is better.
    low, high: its confidence interval.
    z: the difference in standard errors; 0 where it is 0, ±∞ where its variance is 0.
    p_value: two-sided, of no difference. Of many comparisons, correct it for their number.
    """

    auroc_a: float
    auroc_b: float
    difference: float
    low: float
    high: float
    z: float
    p_value: float
    n_id: int
    n_ood: int


def paired_delong(
    id_scores_a: npt.ArrayLike,
    ood_scores_a: npt.ArrayLike,
    id_scores_b: npt.ArrayLike,
    ood_scores_b: npt.ArrayLike,
    level: float = 0.95,
) -> AurocDifference:
    """Return the difference of two scores' AUROCs, its interval and test, in O(n log n).

    id_scores_* (n_id,), ood_scores_* (n_ood,): of the same images in the same order, higher = more
    in-distribution. Raises InputError for sides of different lengths and unless 0 < level < 1;
    Undefined for an empty side, NaN or infinite scores, and as ``difference_of``.
    """
    return difference_of(
        placements(id_scores_a, ood_scores_a), placements(id_scores_b, ood_scores_b), level
    )


def difference_of(a: Placements, b: Placements, level: float = 0.95) -> AurocDifference:
    """Return the difference of two scores by their placements: many comparisons, one sort a score.

    Raises as ``paired_delong``; Undefined where a side has fewer than two images, and where every
    image shows the same difference though the scores rank them differently: then there is neither
    a variance nor the exact argument. (It takes a handful of heavily tied images.)
    """
    _check_same_images(a, b)
    limit = separation_limit(min(a.n_id, a.n_ood), level)
    id_difference, ood_difference = a.id_wins - b.id_wins, a.ood_wins - b.ood_wins
    difference = int(id_difference.sum()) / (2 * a.n_id * a.n_ood)
    if _all_equal(id_difference) and _all_equal(ood_difference):
        if difference and not (_all_equal(a.id_wins) and _all_equal(a.ood_wins)):
            raise Undefined("every image shows the same difference: it has no variance to test by")
        centre, reach = limit * difference, 1 - limit
        z = math.copysign(math.inf, difference) if difference else 0.0
        p_value = min(1.0, 2 * (1 + abs(difference)) ** -min(a.n_id, a.n_ood))
    else:
        error = math.sqrt(
            _covariance(id_difference, id_difference, a.n_ood)
            + _covariance(ood_difference, ood_difference, a.n_id)
        )
        centre, reach = difference, NormalDist().inv_cdf((1 + level) / 2) * error
        z = difference / error
        p_value = math.erfc(abs(z) / math.sqrt(2))
    return AurocDifference(
        auroc_a=a.auroc,
        auroc_b=b.auroc,
        difference=difference,
        low=max(-1.0, centre - reach),
        high=min(1.0, centre + reach),
        z=z,
        p_value=p_value,
        n_id=a.n_id,
        n_ood=a.n_ood,
    )


def auroc_covariance(a: Placements, b: Placements) -> float:
    """Return DeLong's covariance of two scores' AUROCs; of a score with itself, its variance.

    Raises InputError for different numbers of images, Undefined for fewer than two on a side.
    """
    _check_same_images(a, b)
    return _covariance(a.id_wins, b.id_wins, a.n_ood) + _covariance(a.ood_wins, b.ood_wins, a.n_id)


def _check_same_images(a: Placements, b: Placements) -> None:
    if (a.n_id, a.n_ood) != (b.n_id, b.n_ood):
        raise InputError(
            "both scores must be of the same images: there are "
            f"{a.n_id} and {b.n_id} ID scores, {a.n_ood} and {b.n_ood} OOD scores"
        )
    if min(a.n_id, a.n_ood) < 2:
        raise Undefined("the variance of an AUROC difference needs two images on either side")


def _all_equal(wins: Counts) -> bool:
    return bool((wins == wins[0]).all())


def _covariance(wins: Counts, others: Counts, n_other_side: int) -> float:
    """Return the covariance of two means of placements, wins / (2 n_other_side) each."""
    n = len(wins)
    products = (wins - wins.mean()) * (others - others.mean())
    return float(products.sum()) / (n - 1) / n / (2 * n_other_side) ** 2


@dataclass(frozen=True, eq=False)
class Placements:
    """By image, twice the number of the other side's images it is on the right side of.

    id_wins: int64 (n_id,), 2 · #{OOD scores below} + #{equal}, so wins / (2 n_ood) is the image's
        share of the AUROC (V₁₀ of DeLong et al., 1988).
    ood_wins: int64 (n_ood,), 2 · #{ID scores above} + #{equal}; / (2 n_id) is V₀₁.
    Integers, so that two scores which rank alike are seen to be exactly alike.
    """

    id_wins: Counts
    ood_wins: Counts

    @property
    def n_id(self) -> int:
        """Number of ID images."""
        return len(self.id_wins)

    @property
    def n_ood(self) -> int:
        """Number of OOD images."""
        return len(self.ood_wins)

    @property
    def auroc(self) -> float:
        """The AUROC; exact in integers up to the last division."""
        return int(self.id_wins.sum()) / (2 * self.n_id * self.n_ood)


def placements(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> Placements:
    """Return the placements of ID scores (n_id,) and OOD scores (n_ood,), higher = more ID.

    O(n log n), one sort. Raises Undefined for an empty side, NaN or infinite scores, InputError
    for a wrong shape.
    """
    id_places, ood_places = places(id_scores, ood_scores)
    ranking = counted(id_places, ood_places)
    ood_up_to, id_up_to = np.cumsum(ranking.ood_counts), np.cumsum(ranking.id_counts)
    return Placements(
        id_wins=(2 * ood_up_to - ranking.ood_counts)[id_places],
        ood_wins=(2 * (len(id_places) - id_up_to) + ranking.id_counts)[ood_places],
    )
