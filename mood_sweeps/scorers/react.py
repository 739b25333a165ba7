"""ReAct: energy after clipping the activations (Sun et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.checks import defined, features_of, head_of, train_features_of
from mood_sweeps.scorers.rows import by_rows
from mood_sweeps.scorers.scorer import Scores, State
from mood_sweeps.scorers.softmax import log_sum_exp

__all__ = ["ReAct"]


@dataclass(frozen=True)
class ReAct:
    """s = log Σ_c exp(W min(x, c) + b)_c, c the ``quantile`` of all ID train activations.

    The quantile 0.99 over the train set is MOODv2's convention; OpenOOD takes 0.90 of an ID
    validation set.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    quantile: Annotated[float, Field(gt=0, le=1)] = 0.99

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return threshold (), weight (C, D) and bias (C,), all float64."""
        features = train_features_of(train)
        head = head_of(head, features.shape[1])
        return {
            "threshold": np.asarray(np.quantile(features, self.quantile), dtype=np.float64),
            "weight": head.weight.astype(np.float64, order="C"),
            "bias": head.bias.astype(np.float64),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        weight, bias, threshold = state["weight"], state["bias"], state["threshold"]
        features = features_of(bank, width=weight.shape[1])

        def block(rows: slice) -> Scores:
            clipped = np.minimum(features[rows].astype(np.float64), threshold)
            return log_sum_exp(clipped @ weight.T + bias)

        return defined(by_rows(len(features), block))
