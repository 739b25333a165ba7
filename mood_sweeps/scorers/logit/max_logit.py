"""Maximum logit (Hendrycks et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["MaxLogit"]


@dataclass(frozen=True)
class MaxLogit(LearnsNothing):
    """s = max_c z_c."""

    version: ClassVar[int] = 1
    family: ClassVar[str] = "logit"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        return defined(logits_of(bank).max(axis=1).astype(np.float64))
