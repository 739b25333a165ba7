"""GradNorm: length of the gradient of the KL divergence to uniform (Huang et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.checks import defined, features_of, logits_of
from mood_sweeps.scorers.rows import by_rows
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State
from mood_sweeps.scorers.softmax import log_softmax

__all__ = ["GradNorm"]


@dataclass(frozen=True)
class GradNorm(LearnsNothing):
    """s = ‖∂ℓ/∂W‖₁ for ℓ = −Σ_c log p_c, the last layer only, as the official code sums it.

    ∂ℓ/∂z = C·p − 1 and z = Wx + b, so the gradient is the outer product (C·p − 1)xᵀ, and the
    sum of its absolute values is the product ‖C·p − 1‖₁ · ‖x‖₁: no autograd needed.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        features, logits = features_of(bank), logits_of(bank)
        classes = logits.shape[1]

        def block(rows: slice) -> Scores:
            gradient: Scores = np.abs(classes * np.exp(log_softmax(logits[rows])) - 1).sum(axis=1)
            lengths: Scores = np.abs(features[rows]).sum(axis=1, dtype=np.float64)
            return gradient * lengths

        return defined(by_rows(len(bank), block))
