"""ReAct: energy after clipping the activations from above (Sun et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.hybrid.shaped_energy import Shape, Shaped, head_state, shaped_energy
from mood_sweeps.scorers.hybrid.shaped_maps import ShapesMaps, flat_maps
from mood_sweeps.scorers.numeric.activation_quantiles import activation_quantile
from mood_sweeps.scorers.numeric.checked_arrays import train_features_of
from mood_sweeps.scorers.numeric.rows import row_blocks
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import (
    few_numbers_for_quantiles,
    negative_feature_notes,
    stored_count,
)

__all__ = ["ReAct", "ReActOpenOOD", "ReActPooledPytorchOOD", "ReActPytorchOOD"]

Quantile = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class ReAct(Scorer):
    """s = log Σ_c exp(W min(x, c) + b)_c, c the ``quantile`` of all ID train activations.

    The quantile 0.99 over the train set is MOODv2's convention. The paper's 0.90 was tuned on the
    non-negative activations of one ResNet-50; 0.99 clips only rare ID activations of any network.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    quantile: Quantile = 0.99

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return threshold (), weight (C, D) and bias (C,), of the dtypes of features and head; and
        count (), int64: the number of activations.
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
        count = stored_count(state, "count")
        return (
            *negative_feature_notes(bank),
            *few_numbers_for_quantiles(count, [self.quantile], "activations"),
        )


@dataclass(frozen=True)
class ReActOpenOOD(ReAct):
    """As react, but c is the quantile 0.90 of the activations of an ID validation split.

    OpenOOD v1.5; 0.90 is the paper's, tuned on a ResNet-50.
    """

    version: ClassVar[int] = 1
    fits_on: ClassVar[str] = "id_val"

    quantile: Quantile = 0.90


@dataclass(frozen=True)
class ReActPooledPytorchOOD(Scorer):
    """As react, but c is an absolute ``threshold``: pytorch-ood 0.4.0 on pooled features.

    The official code uses 1.0 for a ResNet-50. pytorch-ood accepts any such number; without one it
    estimates c like ``react(quantile=0.9)``.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    threshold: float = 1.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return threshold (), float64, weight (C, D) and bias (C,); and clipped (), float64, the
        share of train activations above the threshold.
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
        is_unsuitable = clipped == 0 or clipped > 0.5
        note = (
            f"threshold={self.threshold:g} clips {100 * clipped:.0f}% of the ID train activations"
        )
        return (*negative_feature_notes(bank), *([note] if is_unsuitable else []))


@dataclass(frozen=True)
class ReActPytorchOOD(ShapesMaps):
    """As react, but on the activations of the last map before pooling: pytorch-ood 0.4.0.

    c is an absolute ``threshold``; the official code uses 1.0 for the pooled features of a
    ResNet-50. With ``quantile``, c is that quantile of all activations of the train images' maps,
    which are in memory together; without a threshold pytorch-ood uses ``quantile: 0.9``. The
    official code clips the pooled features, as react does.
    """

    version: ClassVar[int] = 2
    pooled_form: ClassVar[str | None] = "react_pooled@pytorch_ood"

    threshold: float = 1.0
    quantile: Quantile | None = None

    def __post_init__(self) -> None:
        if self.quantile is not None and self.threshold != 1.0:
            raise InputError("scorer 'react@pytorch_ood': give either threshold or quantile")

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return shape (4,) as of `ShapesMaps`, and threshold ()."""
        state = super().fit(train, head)
        if self.quantile is None:
            return {**state, "threshold": np.asarray(self.threshold)}
        threshold = activation_quantile(flat_maps(train), self.quantile)
        return {**state, "threshold": np.asarray(threshold)}

    def _shape(self, state: State) -> Shape:
        return _clip(state)


def _clipped_energy(state: State, bank: FeatureBank) -> Scores:
    return shaped_energy(state, bank, _clip(state))


def _clip(state: State) -> Shape:
    def clip(features: Floats) -> Shaped:
        return Shaped(np.minimum(features, state["threshold"].astype(features.dtype)))

    return clip
