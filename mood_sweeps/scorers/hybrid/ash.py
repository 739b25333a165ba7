"""ASH: energy after pruning all but the largest activations (Djurisic et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.hybrid.shaped_energy import Shape, Shaped, head_state, shaped_energy
from mood_sweeps.scorers.hybrid.shaped_maps import ShapesMaps
from mood_sweeps.scorers.hybrid.top_activations import exponential_scale, kept_places, share_of_top
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import negative_features, overpruned

__all__ = [
    "ASHB",
    "ASHP",
    "ASHS",
    "ASHBOpenOOD",
    "ASHPPytorchOOD",
    "ASHSPooledPytorchOOD",
    "ASHSPytorchOOD",
]

Percentile = Annotated[float, Field(ge=0, lt=100)]


@dataclass(frozen=True)
class ASHP(Scorer):
    """s = log Σ_c exp(W x′ + b)_c, x′ = x with all but its k largest activations set to 0.

    k = D − round(D · ``percentile`` / 100), at least 1. Activations that tie for the last places
    share them. Negative activations are pruned first; one that is among the k largest is kept.
    65 is the default of the official code, of pytorch-ood 0.4.0 as well.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    percentile: Percentile = 65.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return weight (C, D) and bias (C,): nothing else is learnt."""
        return head_state(train, head)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return shaped_energy(state, bank, self.shape)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and a percentile that leaves less than one."""
        del state
        return (
            *negative_features(bank),
            *overpruned(bank.features.shape[1], self.percentile),
        )

    def shape(self, features: Floats) -> Shaped:
        """Return x′ of x, features (n, D)."""
        k = kept_places(features.shape[1], self.percentile)
        return Shaped(features * share_of_top(features, k))


@dataclass(frozen=True)
class ASHB(ASHP):
    """s = log Σ_c exp(W x′ + b)_c, x′ = Σx / k at the k largest activations of x, 0 elsewhere.

    k as in ash_p; activations that tie for the last places share their k-ths of Σx, so that Σx′
    is Σx. A sum that is 0 or negative is taken as it is. The official code's default, 65, is also
    pytorch-ood's; OpenOOD takes 90.
    """

    def shape(self, features: Floats) -> Shaped:
        """Return x′ of x, features (n, D)."""
        k = kept_places(features.shape[1], self.percentile)
        total = features.sum(axis=1, dtype=np.float64, keepdims=True)
        return Shaped(share_of_top(features, k), total / k)


@dataclass(frozen=True)
class ASHBOpenOOD(ASHB):
    """As ash_b, but 90 % of the activations are pruned: ASH in OpenOOD v1.5."""

    percentile: Percentile = 90.0


@dataclass(frozen=True)
class ASHS(ASHP):
    """s = log Σ_c exp(W r x′ + b)_c, x′ as in ash_p, r = exp(Σx / Σx′).

    For activations that are never negative 1 ≤ Σx / Σx′ ≤ D / k. Others (of a ViT) may give any
    exponent: it is cut at ±500, beyond which samples are no longer told apart by r, and r = 1
    where Σx′ = 0. 90 is what the official code runs with on CIFAR and ImageNet.
    """

    percentile: Percentile = 90.0

    def shape(self, features: Floats) -> Shaped:
        """Return x′ of x, features (n, D)."""
        pruned = super().shape(features).features
        total = features.sum(axis=1, dtype=np.float64)
        return Shaped(pruned, exponential_scale(total, pruned.sum(axis=1, dtype=np.float64)))


@dataclass(frozen=True)
class ASHSPooledPytorchOOD(ASHS):
    """As ash_s, but 65 % are pruned: pytorch-ood 0.4.0, given pooled features as 1 × 1 maps."""

    percentile: Percentile = 65.0


@dataclass(frozen=True)
class ASHPPytorchOOD(ShapesMaps):
    """As ash_p, but the activations are those of the last map before pooling: pytorch-ood 0.4.0.

    The largest of all width · rows · columns activations of an image are kept, wherever they are.
    The official code prunes the pooled features, as ash_p does.
    """

    version: ClassVar[int] = 1
    pooled_form: ClassVar[str | None] = "ash_p"

    percentile: Percentile = 65.0

    def _shape(self, state: State) -> Shape:
        del state
        return ASHP(self.percentile).shape


@dataclass(frozen=True)
class ASHSPytorchOOD(ShapesMaps):
    """As ash_s, but the activations are those of the last map before pooling: pytorch-ood 0.4.0.

    65 % of them are pruned. The official code shapes the pooled features, as ash_s does.
    """

    version: ClassVar[int] = 2
    pooled_form: ClassVar[str | None] = "ash_s_pooled@pytorch_ood"

    percentile: Percentile = 65.0

    def _shape(self, state: State) -> Shape:
        del state
        return ASHS(self.percentile).shape
