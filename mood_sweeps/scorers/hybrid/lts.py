"""LTS: energy of logits scaled by how flat the activations are (Djurisic et al., 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.hybrid.top_activations import count_kept, sum_of_top, sum_ratio
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of, logits_of
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State
from mood_sweeps.scorers.shared_notes import negative_feature_notes, percentile_notes

__all__ = ["LTS"]


@dataclass(frozen=True)
class LTS(LearnsNothing):
    """s = log Σ_c exp(S · z_c), S = (Σ max(x, 0) / Σ of the k largest of max(x, 0))².

    k = D − round(D · ``percentile`` / 100), at least 1. The official code and pytorch-ood 0.4.0
    agree: negative activations count as 0 in S, and 95 leaves the top 5 %. 1 ≤ S ≤ (D/k)²;
    a sample without any positive activation keeps its logits (S = 1).
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    percentile: Annotated[float, Field(ge=0, lt=100)] = 95.0

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        features, logits = features_of(bank), logits_of(bank)
        k = count_kept(features.shape[1], self.percentile)

        def block(rows: slice) -> Scores:
            positive = np.maximum(features[rows], 0)
            total = positive.sum(axis=1, dtype=np.float64)
            scale = sum_ratio(total, sum_of_top(positive, k), default=1.0) ** 2
            return log_sum_exp(scale * logits[rows])

        return defined(by_rows(len(bank), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and a percentile that leaves less than one activation."""
        del state
        return (
            *negative_feature_notes(bank),
            *percentile_notes(bank.features.shape[1], self.percentile),
        )
