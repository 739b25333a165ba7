"""The detector that was trained beside the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.checks import defined, detector_of, features_of, train_features_of
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["SSOD"]


@dataclass(frozen=True)
class SSOD(Scorer):
    """s = log σ(w · x + b), the detector that ``ft:ssod`` trained on patches, asked on the whole.

    SSOD, the factor P(x ∈ ID | x) of its Eq. 6. As a logarithm, which orders the same: σ itself is
    1 in float64 from 37 on, and would tie what it is surest of.
    Cost: D a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "training"
    needs: ClassVar[tuple[str, ...]] = ("head", "detector")

    def fit(self, bank: FeatureBank, head: Head | None) -> State:
        """Learn nothing: keep the detector."""
        return {"detector": detector_of(head, train_features_of(bank).shape[1]).copy()}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return log σ of the detector's output, float64 (N,), at most 0."""
        *weight, bias = state["detector"].astype(np.float64)
        outputs = features_of(bank, width=len(weight)) @ np.asarray(weight) + bias
        return defined(-np.logaddexp(0.0, -outputs))
