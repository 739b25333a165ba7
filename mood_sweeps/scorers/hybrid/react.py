"""ReAct: energy after clipping the activations from above (Sun et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.cautions import few_for_quantiles, kept_count, negative_features
from mood_sweeps.scorers.checks import train_features_of
from mood_sweeps.scorers.hybrid.shaped_energy import Shaped, head_state, shaped_energy
from mood_sweeps.scorers.numeric.quantiles import activation_quantile
from mood_sweeps.scorers.numeric.rows import row_blocks
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
        """Return threshold (), weight (C, D) and bias (C,), as the features and the head are; and
        count (), int64: of how many activations.
        """
        return {
            **head_state(train, head),
            "threshold": np.asarray(activation_quantile(train, self.quantile)),
            "count": np.asarray(train.features.size),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return _clipped_energy(state, bank)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and too few activations for the quantile."""
        count = kept_count(state, "count")
        return (
            *negative_features(bank),
            *few_for_quantiles(count, [self.quantile], "activations"),
        )


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
        """Return threshold (), float64, weight (C, D) and bias (C,); and clipped (), float64, the
        share of the train activations above the threshold.
        """
        features = train_features_of(train)
        above = sum(
            int(np.count_nonzero(features[rows] > self.threshold))
            for rows in row_blocks(len(features))
        )
        return {
            **head_state(train, head),
            "threshold": np.asarray(self.threshold),
            "clipped": np.asarray(above / features.size),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return _clipped_energy(state, bank)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and a threshold that clips no ID activation, or most of them."""
        clipped = float(state.get("clipped", 0.1))
        unfit = clipped == 0 or clipped > 0.5
        said = (
            f"threshold={self.threshold:g} clips {100 * clipped:.0f}% of the ID train activations"
        )
        return (*negative_features(bank), *([said] if unfit else []))


def _clipped_energy(state: State, bank: FeatureBank) -> Scores:
    threshold = state["threshold"].astype(bank.features.dtype)

    def clip(features: Floats) -> Shaped:
        return Shaped(np.minimum(features, threshold))

    return shaped_energy(state, bank, clip)
