"""Mahalanobis distance under one Gaussian with a Ledoit–Wolf covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import defined
from mood_sweeps.scorers.numeric.moments import ledoit_wolf, train_moments
from mood_sweeps.scorers.numeric.rounding import measured_rounding, rounding_variance
from mood_sweeps.scorers.numeric.rows import plain_rows
from mood_sweeps.scorers.numeric.whitened_distances import (
    nearest_squared,
    nearest_state,
    raise_to_rounding,
    whitening,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["Gauss"]


@dataclass(frozen=True)
class Gauss(Scorer):
    """s = −(x − μ)ᵀ Σ⁻¹ (x − μ), μ the mean of all train features, Σ their Ledoit–Wolf covariance.

    MOODv1 lists a metric of this name that never ran. It is CutPaste's Gaussian density (Li et al.,
    2021) up to a constant. Labels are not used. Shrinkage (Ledoit and Wolf, 2004) keeps Σ regular
    with fewer samples than dimensions: a step in a direction that no train feature has then counts
    as far. No direction is left out; no eigenvalue of Σ is below the rounding of the features.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, D) with W Wᵀ = Σ⁻¹ and the whitened mean (1, D).

        Raises Undefined where the features do not vary.
        """
        del head
        moments = train_moments(train, plain_rows)
        least = rounding_variance(measured_rounding(train), moments.mean, moments.variance)
        if not (moments.variance > least).any():
            raise Undefined("the train features do not vary by more than rounding")
        covariance = raise_to_rounding(*ledoit_wolf(moments), least)
        matrix = whitening(covariance, rounding=0.0)
        return nearest_state(moments.mean, matrix, moments.mean[None], np.diag(covariance))

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-nearest_squared(bank, state))
