"""DICE: energy of a head reduced to its strongest connections (Sun and Li, 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.hybrid.shaped_energy import Shaped, head_state, shaped_energy
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_notes

__all__ = ["DICE"]


@dataclass(frozen=True)
class DICE(Scorer):
    """s = log Σ_c exp((W ⊙ M) x + b)_c, M_cd = 1 where μ_d W_cd exceeds its ``percentile``.

    μ is the mean of the ID train features; the percentile is taken over all C·D contributions.
    90 is the paper's value. OpenOOD v1.5 and pytorch-ood 0.4.0 compute the same (OpenOOD ignores a
    percentile that is set after the first score, pytorch-ood has no default), so there is one DICE;
    a contribution that equals the percentile up to their float32 rounding may count differently.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    percentile: Annotated[float, Field(ge=0, lt=100)] = 90.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return weight (C, D), 0 where M is, and bias (C,)."""
        state = head_state(train, head)
        weight = state["weight"]
        contributions = train.features.mean(axis=0, dtype=np.float64) * weight
        strong = contributions > np.quantile(contributions, self.percentile / 100)
        return {**state, "weight": np.where(strong, weight, 0).astype(weight.dtype)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return shaped_energy(state, bank, Shaped)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes without a connection left."""
        del bank
        bare = int(np.count_nonzero(~state["weight"].any(axis=1)))
        what = f"have no connection left at percentile={self.percentile:g}"
        return class_notes(bare, len(state["weight"]), what)
