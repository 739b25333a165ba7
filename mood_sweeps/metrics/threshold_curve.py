"""The area under the threshold curve: how far apart the scores are, where AUROC sees order only."""

from __future__ import annotations

import math

import numpy.typing as npt

from mood_sweeps.errors import Undefined
from mood_sweeps.metrics.ranking import checked_scores

__all__ = ["autc"]


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
