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
from mood_sweeps.scorers.numeric.softmax import largest_and_odds_of, log_normalizer
from mood_sweeps.scorers.numeric.subspace_projection import projected_norm
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import few_images_for_axes, stored_count

__all__ = ["ViM", "ViMMOODv2", "ViMOpenOOD", "ViMPytorchOOD"]


@dataclass(frozen=True)
class ViM(Scorer):
    """s = log Σ_c exp(z_c) − α‖Rᵀ(x − u)‖₂, with u and R as in Residual.

    α = mean of max_c z_c / mean of ‖Rᵀ(x − u)‖₂ over the train set, used unchanged: where
    largest logits are negative on average, α is negative.
    dim None is the rule of the authors' code, which they chose on ImageNet and which leaves a
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
        # The residual would be rounding, which α would amplify.
        if space["rank"] <= kept:
            raise Undefined(
                f"the train features vary along {space['rank']} of {width} axes and lie in their "
                f"principal subspace of {kept}, so the virtual logit has no scale"
            )
        residual = projected_norm(train, space).mean()
        alpha = largest_and_odds_of(train)[0].mean() / residual
        return {**space, "alpha": np.asarray(alpha, dtype=np.float64)}

    def rule(self, width: int, classes: int) -> int:
        """Return the principal dimension for features of ``width`` dimensions."""
        del classes
        return principal_dimension(width, wide=1000)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(log_normalizer(bank) - state["alpha"] * projected_norm(bank, state))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note axes from too few features, and a negative α."""
        del bank
        notes = few_images_for_axes(stored_count(state, "count"), len(state["centre"]))
        if state["alpha"] < 0:
            return (*notes, "alpha is negative: a larger residual counts as in-distribution")
        return notes


@dataclass(frozen=True)
class ViMMOODv2(ViM):
    """As vim, but from D = 2048 on with as many principal dimensions as classes (MOODv2)."""

    def rule(self, width: int, classes: int) -> int:
        """Return the principal dimension for features of ``width`` dimensions."""
        return principal_dimension(width, wide=classes)


@dataclass(frozen=True)
class ViMOpenOOD(ViM):
    """As vim, with 256 principal dimensions for any width (OpenOOD 1.5, without tuning).

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
