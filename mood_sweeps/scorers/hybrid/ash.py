"""ASH: energy after pruning all but the largest activations (Djurisic et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.hybrid.shaped_energy import Shape, Shaped, head_state, shaped_energy
from mood_sweeps.scorers.hybrid.shaped_maps import ShapesMaps
from mood_sweeps.scorers.hybrid.top_activations import count_kept, exponential_scale, share_of_top
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import negative_feature_notes, percentile_notes

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

    k = D − round(D · ``percentile`` / 100), at least 1. Activations that tie at the threshold
    share the remaining places. Negative activations are pruned only if they are not among the k
    largest. 65 is the default of the official code and of pytorch-ood 0.4.0.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    percentile: Percentile = 65.0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return weight (C, D) and bias (C,) of the head; nothing else is learnt."""
        return head_state(train, head)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return shaped_energy(state, bank, self.shape)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note negative features, and a percentile that leaves less than one activation."""
        del state
        return (
            *negative_feature_notes(bank),
            *percentile_notes(bank.features.shape[1], self.percentile),
        )

    def shape(self, features: Floats) -> Shaped:
        """Return x′ of x, features (n, D)."""
        k = count_kept(features.shape[1], self.percentile)
        return Shaped(features * share_of_top(features, k))


@dataclass(frozen=True)
class ASHB(ASHP):
    """s = log Σ_c exp(W x′ + b)_c, x′ = Σx / k at the k largest activations of x, 0 elsewhere.

    k as in ash_p; activations that tie at the threshold share the remaining k-ths of Σx, so that
    Σx′ = Σx. A sum of 0 or less is used unchanged. 65 is the default of the official code and of
    pytorch-ood; OpenOOD uses 90.
    """

    def shape(self, features: Floats) -> Shaped:
        """Return x′ of x, features (n, D)."""
        k = count_kept(features.shape[1], self.percentile)
        total = features.sum(axis=1, dtype=np.float64, keepdims=True)
        return Shaped(share_of_top(features, k), total / k)


@dataclass(frozen=True)
class ASHBOpenOOD(ASHB):
    """As ash_b, but with 90 % of the activations pruned: ASH in OpenOOD v1.5."""

    percentile: Percentile = 90.0


@dataclass(frozen=True)
class ASHS(ASHP):
    """s = log Σ_c exp(W r x′ + b)_c, x′ as in ash_p, r = exp(Σx / Σx′).

    Without negative activations 1 ≤ Σx / Σx′ ≤ D / k. With them (in a ViT) any exponent occurs: it
    is clipped to ±500, beyond which r does not distinguish samples, and r = 1 where Σx′ = 0. The
    official code runs with 90 on CIFAR and ImageNet.
    """

    percentile: Percentile = 90.0

    def shape(self, features: Floats) -> Shaped:
        """Return x′ of x, features (n, D)."""
        pruned = super().shape(features).features
        total = features.sum(axis=1, dtype=np.float64)
        return Shaped(pruned, exponential_scale(total, pruned.sum(axis=1, dtype=np.float64)))


@dataclass(frozen=True)
class ASHSPooledPytorchOOD(ASHS):
    """As ash_s, with 65 % pruned: pytorch-ood 0.4.0 on pooled features as 1 × 1 maps."""

    percentile: Percentile = 65.0


@dataclass(frozen=True)
class ASHPPytorchOOD(ShapesMaps):
    """As ash_p, but on the activations of the last map before pooling: pytorch-ood 0.4.0.

    The largest of all width · rows · columns activations of an image are kept.
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
    """As ash_s, but on the activations of the last map before pooling: pytorch-ood 0.4.0.

    65 % of them are pruned. The official code shapes the pooled features, as ash_s does.
    """

    version: ClassVar[int] = 2
    pooled_form: ClassVar[str | None] = "ash_s_pooled@pytorch_ood"

    percentile: Percentile = 65.0

    def _shape(self, state: State) -> Shape:
        del state
        return ASHS(self.percentile).shape
