"""Detection metrics of one ID/OOD pair: AUROC, FPR at a fixed TPR, AUPR … from ranks; and AUTC.

Scores: higher = more in-distribution. All metrics are fractions in [0, 1]. Each function raises
Undefined for an empty side, NaN or infinite scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import Undefined
from mood_sweeps.metrics.auroc_intervals import auroc_of, interval_of
from mood_sweeps.metrics.ranking import Ranking, checked_scores, rank, required_count

__all__ = [
    "DetectionMetrics",
    "ap_in",
    "ap_out",
    "aupr_in",
    "aupr_out",
    "auroc",
    "autc",
    "detection_error",
    "detection_metrics",
    "fpr_at_tpr",
    "fpr_at_tpr_ood_positive",
]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DetectionMetrics:
    """All metrics of one ID/OOD pair, fractions in [0, 1].

    auroc_low, auroc_high: confidence interval of the AUROC.
    fpr95: OOD accepted at 95% ID recall (MOOD papers); fpr95_ood_positive: ID rejected when 95%
    of OOD is caught (OpenOOD).
    aupr_in, aupr_out: trapezoid under the precision-recall curve with ID, with OOD positive.
    ap_in, ap_out: average precision, that area in steps; of tied scores the trapezoid is too kind.
    """

    auroc: float
    auroc_low: float
    auroc_high: float
    fpr95: float
    fpr95_ood_positive: float
    aupr_in: float
    aupr_out: float
    ap_in: float
    ap_out: float
    n_id: int
    n_ood: int


def detection_metrics(
    id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike, level: float = 0.95
) -> DetectionMetrics:
    """Return all metrics of ID scores (n_id,) and OOD scores (n_ood,) from one sort.

    level: the confidence level of the AUROC's interval.
    """
    ranking = rank(id_scores, ood_scores)
    low, high = interval_of(ranking, level)
    of_id, of_ood = _precision_recall(ranking), _precision_recall(ranking.reversed())
    return DetectionMetrics(
        auroc=auroc_of(ranking),
        auroc_low=low,
        auroc_high=high,
        fpr95=_fpr(ranking, 0.95),
        fpr95_ood_positive=_fpr(ranking.reversed(), 0.95),
        aupr_in=_trapezoid(*of_id),
        aupr_out=_trapezoid(*of_ood),
        ap_in=_steps(*of_id),
        ap_out=_steps(*of_ood),
        n_id=ranking.n_id,
        n_ood=ranking.n_ood,
    )


def auroc(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return P(ID score > OOD score) + ½ P(equal): the area under the ROC curve."""
    return auroc_of(rank(id_scores, ood_scores))


def fpr_at_tpr(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike, tpr: float = 0.95) -> float:
    """Return the fraction of OOD accepted when at least ``tpr`` of ID is: ID is positive.

    Accepted means score ≥ the ⌈tpr · n_id⌉-th largest ID score, ties included. The convention of
    MOODv1, MOODv2, ViM and SSOD.
    """
    return _fpr(rank(id_scores, ood_scores), tpr)


def fpr_at_tpr_ood_positive(
    id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike, tpr: float = 0.95
) -> float:
    """Return the fraction of ID rejected when at least ``tpr`` of OOD is: OOD is positive.

    Rejected means score ≤ the ⌈tpr · n_ood⌉-th smallest OOD score, ties included. The convention
    of OpenOOD and pytorch-ood.
    """
    return _fpr(rank(id_scores, ood_scores).reversed(), tpr)


def detection_error(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return the least ½ (FPR + 1 − TPR) over all thresholds, in [0, ½]; lower is better.

    What the best threshold gets wrong where ID and OOD are equally frequent (Lee et al., 2018;
    their detection accuracy is 1 less this). Which side is positive does not matter, and rejecting
    everything, ½, is a threshold, too. Not ODIN's, which is ½ (FPR + 1 − TPR) at 95% TPR.
    """
    ranking = rank(id_scores, ood_scores)
    rejected_id = np.cumsum(ranking.id_counts) / ranking.n_id
    accepted_ood = 1 - np.cumsum(ranking.ood_counts) / ranking.n_ood
    return float((accepted_ood + rejected_id).min()) / 2


def aupr_in(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return the trapezoid under the precision-recall curve with ID positive."""
    return _trapezoid(*_precision_recall(rank(id_scores, ood_scores)))


def aupr_out(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return the trapezoid under the precision-recall curve with OOD positive."""
    return _trapezoid(*_precision_recall(rank(id_scores, ood_scores).reversed()))


def ap_in(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return Σ (Rₖ − Rₖ₋₁) Pₖ over falling thresholds, ID positive: AUPR without interpolation.

    Where many scores are tied the trapezoid is too kind: a constant score has an ``aupr_in`` of
    ½ (1 + n_id / n), and an average precision of n_id / n, which is chance.
    """
    return _steps(*_precision_recall(rank(id_scores, ood_scores)))


def ap_out(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return the average precision with OOD positive; see ``ap_in``."""
    return _steps(*_precision_recall(rank(id_scores, ood_scores).reversed()))


def _fpr(ranking: Ranking, tpr: float) -> float:
    accepted = np.cumsum(ranking.id_counts[::-1])
    place = int(np.searchsorted(accepted, required_count(ranking.n_id, tpr)))
    return int(ranking.ood_counts[::-1][: place + 1].sum()) / ranking.n_ood


def _trapezoid(precision: Float64s, recall: Float64s) -> float:
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))


def _steps(precision: Float64s, recall: Float64s) -> float:
    return float(np.sum(np.diff(recall) * precision[1:]))


def _precision_recall(ranking: Ranking) -> tuple[Float64s, Float64s]:
    """Return precision and recall by falling threshold, from nothing accepted: float64 (V + 1,)."""
    hits = np.cumsum(ranking.id_counts[::-1])
    accepted = hits + np.cumsum(ranking.ood_counts[::-1])
    return np.append(1.0, hits / accepted), np.append(0.0, hits / ranking.n_id)


def autc(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike) -> float:
    """Return the mean of FPR and FNR, averaged over all thresholds, in [0, 1]; lower is better.

    AUTC = ½ ∫₀¹ FPR(τ) dτ + ½ ∫₀¹ FNR(τ) dτ, OOD positive (Humblot-Renaux, Escalera & Moeslund,
    2023), with the scores brought to [0, 1] by the smallest and largest of both sides, as
    pytorch-ood 0.4.0 does (the paper takes scores that are in [0, 1] already). FPR and FNR are
    steps, so the integrals are means and

        AUTC = ½ (1 − (mean ID score − mean OOD score) / (largest − smallest score))

    (the paper's code joins the steps by straight lines). ½ says that both means are equal, 0 that
    all ID scores are the largest and all OOD scores the smallest. No function of ranks: a single
    outlier moves it towards ½, and scores of other units or shape are not comparable.

    Scores (n_id,), (n_ood,), higher = more in-distribution. Raises Undefined for an empty side, NaN
    or infinite scores, scores that are all equal or span more than a float64 holds.
    """
    ids, oods = checked_scores(id_scores, "ID"), checked_scores(ood_scores, "OOD")
    smallest = min(float(ids.min()), float(oods.min()))
    span = max(float(ids.max()), float(oods.max())) - smallest
    if span == 0:
        raise Undefined("scores that are all equal have no threshold curve")
    if not math.isfinite(span):
        raise Undefined("the scores span more than a float64 holds")
    # Brought to [0, 1] before the mean, which so neither overflows nor cancels.
    return float(1 - ((ids - smallest) / span).mean() + ((oods - smallest) / span).mean()) / 2
