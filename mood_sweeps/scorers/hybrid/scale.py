"""SCALE: energy of features scaled by how flat their activations are (Xu et al., 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.hybrid.shaped_energy import Shape, Shaped
from mood_sweeps.scorers.hybrid.shaped_maps import ShapesMaps
from mood_sweeps.scorers.hybrid.top_activations import count_kept, exponential_scale, sum_of_top
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    logits_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import negative_feature_notes, percentile_notes

__all__ = ["SCALE", "SCALEPooledPytorchOOD", "SCALEPytorchOOD"]

Percentile = Annotated[float, Field(ge=0, lt=100)]


@dataclass(frozen=True)
class SCALE(Scorer):
    """s = log Σ_c exp(r · (z − b) + b)_c, r = exp(Σx / Σ of the k largest of x).

    W r x + b = r · (z − b) + b, so no product with W is needed. k = D − round(D · ``percentile`` /
    100), at least 1. Without negative activations the exponent is from 1 to D / k. With them (in a
    ViT) any exponent occurs: it is clipped to ±500, beyond which r does not distinguish samples,
    and r = 1 where the k largest sum to 0.
    85 is the default of the official code and of OpenOOD v1.5.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    percentile: Percentile = 85.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return bias (C,) of the head, float64; nothing else is learnt."""
        head = head_of(head, train_features_of(train).shape[1])
        return {"bias": head.bias.astype(np.float64)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        bias = state["bias"]
        features, logits = features_of(bank), logits_of(bank, classes=len(bias))
        k = count_kept(features.shape[1], self.percentile)

        def block(rows: slice) -> Scores:
            total = features[rows].sum(axis=1, dtype=np.float64)
            scale = exponential_scale(total, sum_of_top(features[rows], k))
            return log_sum_exp(scale * (logits[rows] - bias) + bias)

        return defined(by_rows(len(bank), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and a percentile that leaves less than one activation."""
        del state
        return (
            *negative_feature_notes(bank),
            *percentile_notes(bank.features.shape[1], self.percentile),
        )


@dataclass(frozen=True)
class SCALEPooledPytorchOOD(SCALE):
    """As scale, with 65 % left out of k: pytorch-ood 0.4.0 on pooled features as 1 × 1 maps."""

    percentile: Percentile = 65.0


@dataclass(frozen=True)
class SCALEPytorchOOD(ShapesMaps):
    """As scale, but on the activations of the last map before pooling: pytorch-ood 0.4.0.

    r is computed from all width · rows · columns activations of an image, of which k leaves out
    65 %; the rest of the network then processes r times the map. The paper and the official code
    scale the pooled features, as scale does.
    """

    version: ClassVar[int] = 2
    pooled_form: ClassVar[str | None] = "scale_pooled@pytorch_ood"

    percentile: Percentile = 65.0

    def _shape(self, state: State) -> Shape:
        del state

        def scale(features: Floats) -> Shaped:
            k = count_kept(features.shape[1], self.percentile)
            total = features.sum(axis=1, dtype=np.float64)
            return Shaped(features, exponential_scale(total, sum_of_top(features, k)))

        return scale
