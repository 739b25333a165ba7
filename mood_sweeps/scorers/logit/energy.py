"""Negative free energy of the logits (Liu et al., 2020, eq. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.softmax import log_normalizer, log_sum_exp
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["Energy"]


@dataclass(frozen=True)
class Energy(LearnsNothing):
    """s = T · log Σ_c exp(z_c / T)."""

    version: ClassVar[int] = 2
    family: ClassVar[str] = "logit"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    temperature: Annotated[float, Field(gt=0)] = 1.0

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        if self.temperature == 1.0:
            return defined(log_normalizer(bank))
        logits, t = logits_of(bank), np.float64(self.temperature)
        return defined(by_rows(len(bank), lambda rows: t * log_sum_exp(logits[rows] / t)))
