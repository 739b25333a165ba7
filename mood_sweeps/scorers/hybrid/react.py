"""ReAct: energy after clipping the activations from above (Sun et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.hybrid.shaped_energy import Shaped, head_state, shaped_energy
from mood_sweeps.scorers.numeric.quantiles import activation_quantile
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["ReAct", "ReActOpenOOD", "ReActPytorchOOD"]


@dataclass(frozen=True)
class ReAct(Scorer):
    """s = log Σ_c exp(W min(x, c) + b)_c, c the ``quantile`` of all ID train activations.

    The quantile 0.99 over the train set is MOODv2's convention, chosen over the 0.90 of the paper
    because that was tuned on the non-negative activations of one ResNet-50, while 0.99 cuts only
    what is rare on ID data whatever the network.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    quantile: Annotated[float, Field(gt=0, le=1)] = 0.99

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return threshold (), weight (C, D) and bias (C,), as the features and the head are."""
        return {
            **head_state(train, head),
            "threshold": np.asarray(activation_quantile(train, self.quantile)),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return _clipped_energy(state, bank)


@dataclass(frozen=True)
class ReActOpenOOD(ReAct):
    """As react, but c is the quantile 0.90 of the activations of an ID validation split.

    OpenOOD v1.5; 0.90 is the paper's, tuned on a ResNet-50.
    """

    version: ClassVar[int] = 1
    fits_on: ClassVar[str] = "id_val"

    quantile: Annotated[float, Field(gt=0, le=1)] = 0.90


@dataclass(frozen=True)
class ReActPytorchOOD(Scorer):
    """As react, but c is an absolute ``threshold``: nothing is learnt but the head.

    1.0 is the number of the official code for a ResNet-50. pytorch-ood 0.4.0 takes any such
    number; given none, it estimates c as ``react(quantile=0.9)`` does.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    threshold: float = 1.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return threshold (), float64, weight (C, D) and bias (C,)."""
        return {**head_state(train, head), "threshold": np.asarray(self.threshold)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return _clipped_energy(state, bank)


def _clipped_energy(state: State, bank: FeatureBank) -> Scores:
    threshold = state["threshold"].astype(bank.features.dtype)

    def clip(features: Floats) -> Shaped:
        return Shaped(np.minimum(features, threshold))

    return shaped_energy(state, bank, clip)
