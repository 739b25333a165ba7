"""Negative entropy of the predicted distribution (Chan et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.checks import defined, logits_of
from mood_sweeps.scorers.rows import by_rows, row_products
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State
from mood_sweeps.scorers.softmax import log_softmax

__all__ = ["Entropy"]


@dataclass(frozen=True)
class Entropy(LearnsNothing):
    """s = Σ_c p_c log p_c in nats, in [−log C, 0], with 0 · log 0 = 0."""

    version: ClassVar[int] = 1
    family: ClassVar[str] = "probability"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        logits = logits_of(bank)

        def block(rows: slice) -> Scores:
            log_p = log_softmax(logits[rows])
            return row_products(np.exp(log_p), log_p)

        return defined(by_rows(len(bank), block))
