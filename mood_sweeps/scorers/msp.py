"""Maximum softmax probability (Hendrycks & Gimpel, 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.checks import defined, logits_of
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State
from mood_sweeps.scorers.softmax import log_normalizer

__all__ = ["MSP"]


@dataclass(frozen=True)
class MSP(LearnsNothing):
    """s = max_c p_c with p = softmax(z), in (0, 1]."""

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        return defined(np.exp(logits_of(bank).max(axis=1) - log_normalizer(bank)))
