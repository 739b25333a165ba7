"""The ranking of two sets of scores: one sort, from which every detection metric follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError, Undefined

__all__ = [
    "Ranking",
    "acceptance_threshold",
    "checked_scores",
    "counted",
    "places",
    "rank",
    "required_count",
]

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """How many scores of either side have each distinct value, in ascending order of value.

    id_counts, ood_counts: int64 (V,); tied scores share a place, so no order is invented.
    """

    id_counts: Counts
    ood_counts: Counts

    @property
    def n_id(self) -> int:
        """Number of ID scores."""
        return int(self.id_counts.sum())

    @property
    def n_ood(self) -> int:
        """Number of OOD scores."""
        return int(self.ood_counts.sum())

    def reversed(self) -> Ranking:
        """Return the ranking with OOD as the positive side: scores negated, sides exchanged."""
        return Ranking(self.ood_counts[::-1], self.id_counts[::-1])


def rank(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> Ranking:
    """Return the ranking of ID scores (n_id,) and OOD scores (n_ood,), higher = more ID.

    Raises Undefined for an empty side, NaN or infinite scores, InputError for a wrong shape.
    """
    return counted(*places(id_scores, ood_scores))


def places(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> tuple[Counts, Counts]:
    """Return the place of every ID score (n_id,) and OOD score (n_ood,) among all of both sides.

    A place counts the distinct values below: 0..V-1, equal scores share one. Raises as ``rank``.
    """
    positive = checked_scores(id_scores, "ID")
    values = np.concatenate([positive, checked_scores(ood_scores, "OOD")])
    # Whatever order the sort leaves equal scores in, they get the same place.
    order = np.argsort(values)
    ordered = values[order]
    place = np.empty(len(values), dtype=np.int64)
    place[order[0]] = 0
    place[order[1:]] = np.cumsum(ordered[1:] != ordered[:-1])
    return place[: len(positive)], place[len(positive) :]


def counted(id_places: Counts, ood_places: Counts) -> Ranking:
    """Return the ranking of samples with known places; see ``places``."""
    values = int(max(id_places.max(), ood_places.max())) + 1
    return Ranking(
        np.bincount(id_places, minlength=values), np.bincount(ood_places, minlength=values)
    )


def checked_scores(scores: npt.ArrayLike, side: str) -> npt.NDArray[np.float64]:
    """Return scores as float64 (n,); ``side`` names them in errors.

    Raises Undefined for no scores, NaN or infinity, InputError for a wrong shape.
    """
    values: npt.NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"{side} scores must be one-dimensional, not {values.shape}")
    if len(values) == 0:
        raise Undefined(f"there are no {side} scores")
    bad = np.count_nonzero(~np.isfinite(values))
    if bad:
        raise Undefined(f"{bad} of {len(values)} {side} scores are NaN or infinite")
    return values


def required_count(n: int, tpr: float) -> int:
    """Return the least number k of n positives with k / n ≥ tpr, at least one.

    Raises InputError unless 0 < tpr ≤ 1.
    """
    if not 0 < tpr <= 1:
        raise InputError(f"a true positive rate must be in (0, 1], not {tpr}")
    # 0.95 · 60 may come out above 57: what exceeds an integer by rounding alone is that integer.
    return max(1, int(np.ceil(round(tpr * n, 9))))


def acceptance_threshold(id_scores: npt.NDArray[Any], tpr: float) -> float:
    """Return the largest t such that at least a fraction ``tpr`` of ID scores is ≥ t.

    It is the k-th largest ID score, k = ⌈tpr · n⌉, so recall never falls short of ``tpr``
    (MOODv2 takes ⌊tpr · n⌋: the same wherever tpr · n is an integer). A sample is accepted when
    its score is ≥ t, ties included.
    """
    values = checked_scores(id_scores, "ID")
    place = len(values) - required_count(len(values), tpr)
    return float(np.partition(values, place)[place])
