"""ViM: the energy against a virtual logit made from the residual (Wang et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.checks import defined, head_of, logits_of, train_features_of
from mood_sweeps.scorers.residual import residual_space
from mood_sweeps.scorers.scorer import Scores, State
from mood_sweeps.scorers.softmax import log_normalizer
from mood_sweeps.scorers.statistics import projected_norm

__all__ = ["ViM"]


@dataclass(frozen=True)
class ViM:
    """s = log Σ_c exp(z_c) − α‖Rᵀ(x − u)‖₂, with u and R as in Residual.

    α = mean of max_c z_c / mean of ‖Rᵀ(x − u)‖₂ over the train set, taken literally: a head
    whose largest logits are negative on average makes it negative.
    dim None is MOODv2's rule: the number of classes from D = 2048 on, 512 from D = 768 on, else
    D // 2.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs_head: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = False

    dim: Annotated[int, Field(gt=0)] | None = None

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return origin (D,), residual axes (D, D − dim) and alpha (), float64.

        Raises Undefined if dim ≥ D or if the train features have no residual.
        """
        features = train_features_of(train)
        head = head_of(head, features.shape[1])
        space = residual_space(train, head, self.dim, wide=len(head.weight))
        residual = float(projected_norm(train, space["origin"], space["axes"]).mean())
        largest = max(float(np.abs(features).max()), float(np.abs(space["origin"]).max()))
        # Anything this small is the rounding of float64 sums: α would amplify it to a score.
        if residual <= 1e-12 * largest:
            raise Undefined(
                "the train features lie in their principal subspace, "
                "so the virtual logit has no scale"
            )
        alpha = logits_of(train).max(axis=1).mean(dtype=np.float64) / residual
        return {**space, "alpha": np.asarray(alpha, dtype=np.float64)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        virtual_logit = state["alpha"] * projected_norm(bank, state["origin"], state["axes"])
        return defined(log_normalizer(bank) - virtual_logit)
