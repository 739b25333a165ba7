"""GradUncertainty: squared length of the gradient of a confounding label (Lee, AlRegib, 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of, logits_of
from mood_sweeps.scorers.numeric.rows import by_rows, row_products
from mood_sweeps.scorers.numeric.softmax import log_softmax
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["GradUncertainty"]


@dataclass(frozen=True)
class GradUncertainty(LearnsNothing):
    """s = ‖∂ℓ/∂W‖₂² + ‖∂ℓ/∂b‖₂² for ℓ = −Σ_c log p_c, which is ‖C·p − 1‖₂² · (‖x‖₂² + 1).

    The confounding label marks the sample as a member of every class: its binary cross-entropy with
    p is ℓ, and ∂ℓ/∂z = C·p − 1. For the last layer only, as in pytorch-ood 0.4.0: the other layers
    have no closed form. The paper trains a detector on the lengths of all layers, which needs OOD
    samples. Without it, confident predictions have longer gradients, so longer means ID.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        features, logits = features_of(bank), logits_of(bank)
        classes = logits.shape[1]

        def block(rows: slice) -> Scores:
            gradient = classes * np.exp(log_softmax(logits[rows])) - 1
            wide = features[rows].astype(np.float64)
            return row_products(gradient, gradient) * (row_products(wide, wide) + 1)

        return defined(by_rows(len(bank), block))
