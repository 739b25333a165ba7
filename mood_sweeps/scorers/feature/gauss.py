"""Mahalanobis distance under one Gaussian with a Ledoit–Wolf covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.checks import defined
from mood_sweeps.scorers.numeric.moments import ledoit_wolf, train_moments
from mood_sweeps.scorers.numeric.unit_features import plain_rows
from mood_sweeps.scorers.numeric.whitened import nearest_squared, nearest_state, whitening
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["Gauss"]


@dataclass(frozen=True)
class Gauss(Scorer):
    """s = −(x − μ)ᵀ Σ⁻¹ (x − μ), μ the mean of all train features, Σ their Ledoit–Wolf covariance.

    MOODv1 announces a metric of this name that never ran; CutPaste's Gaussian density (Li et al.,
    2021), up to a constant. Labels are not used. Shrinking (Ledoit and Wolf, 2004) keeps Σ regular
    with fewer samples than dimensions, where a direction never seen counts as far, not as nothing.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, D) with W Wᵀ = Σ⁻¹ and the whitened mean (1, D).

        Raises Undefined where the features do not vary.
        """
        del head
        moments = train_moments(train, plain_rows)
        covariance = ledoit_wolf(moments)[0]
        matrix = whitening(covariance, moments.mean)
        return nearest_state(moments.mean, matrix, moments.mean[None], np.diag(covariance))

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-nearest_squared(bank, state))
