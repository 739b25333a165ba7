"""ViM: the energy against a virtual logit made from the residual (Wang et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.residual import principal_dimension, residual_space
from mood_sweeps.scorers.numeric.checked_arrays import defined, head_of, train_features_of
from mood_sweeps.scorers.numeric.softmax import likeliest_of, log_normalizer
from mood_sweeps.scorers.numeric.subspace_projection import projected_norm
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import few_for_axes, kept_count

__all__ = ["ViM", "ViMMOODv2", "ViMOpenOOD", "ViMPytorchOOD"]


@dataclass(frozen=True)
class ViM(Scorer):
    """s = log Σ_c exp(z_c) − α‖Rᵀ(x − u)‖₂, with u and R as in Residual.

    α = mean of max_c z_c / mean of ‖Rᵀ(x − u)‖₂ over the train set, taken literally: a head
    with largest logits that are negative on average makes it negative.
    dim None is the rule of the authors' code, because they chose it on ImageNet and it leaves a
    residual for any width: 1000 from D = 2048 on, 512 from D = 768 on, else D // 2.
    Cost: N·D² to fit, shared with Residual and Mahalanobis; D·(D − dim) a sample.
    """

    version: ClassVar[int] = 3
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    dim: Annotated[int, Field(gt=0)] | None = None

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the residual space and alpha (), float64.

        Raises Undefined if dim ≥ D or if the train features have no residual beyond rounding.
        """
        width = train_features_of(train).shape[1]
        classes = len(head_of(head, width).weight)
        kept = self.dim or self.rule(width, classes)
        space = residual_space(train, head, kept)
        # A residual that is rounding: α would amplify it to a score.
        if space["rank"] <= kept:
            raise Undefined(
                f"the train features vary along {space['rank']} of {width} axes and lie in their "
                f"principal subspace of {kept}, so the virtual logit has no scale"
            )
        residual = projected_norm(train, space).mean()
        alpha = likeliest_of(train)[0].mean() / residual
        return {**space, "alpha": np.asarray(alpha, dtype=np.float64)}

    def rule(self, width: int, classes: int) -> int:
        """Return the principal dimension for features of ``width`` dimensions."""
        del classes
        return principal_dimension(width, wide=1000)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(log_normalizer(bank) - state["alpha"] * projected_norm(bank, state))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note axes of too few features, and a virtual logit that counts the wrong way round."""
        del bank
        notes = few_for_axes(kept_count(state, "count"), len(state["centre"]))
        if state["alpha"] < 0:
            return (*notes, "alpha is negative: a larger residual counts as in-distribution")
        return notes


@dataclass(frozen=True)
class ViMMOODv2(ViM):
    """As vim, with as many principal dimensions as classes from D = 2048 on (MOODv2)."""

    def rule(self, width: int, classes: int) -> int:
        """Return the principal dimension for features of ``width`` dimensions."""
        return principal_dimension(width, wide=classes)


@dataclass(frozen=True)
class ViMOpenOOD(ViM):
    """As vim, with 256 principal dimensions whatever the width (OpenOOD 1.5, without tuning).

    Undefined for D ≤ 256, where OpenOOD divides by an empty residual and scores NaN.
    """

    dim: Annotated[int, Field(gt=0)] | None = 256


@dataclass(frozen=True)
class ViMPytorchOOD(ViM):
    """As vim, with dim None half of the dimensions (pytorch-ood 0.4.0, which leaves d to the user
    and falls back to D // 2).
    """

    def rule(self, width: int, classes: int) -> int:
        """Return the principal dimension for features of ``width`` dimensions."""
        del classes
        return width // 2
