"""GradNorm: length of the gradient of the KL divergence to uniform (Huang et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.bank_statistics import absolute_sums
from mood_sweeps.scorers.numeric.checked_arrays import defined, logits_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import by_rows, cached_rows
from mood_sweeps.scorers.numeric.softmax import relative_probabilities
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["GradNorm", "GradNormPytorchOOD"]


@dataclass(frozen=True)
class GradNorm(LearnsNothing):
    """s = ‖∂ℓ/∂W‖₁ for ℓ = −Σ_c log p_c, for the last layer only, as in the official code.

    ∂ℓ/∂z = C·p − 1 and z = Wx + b, so the gradient is the outer product (C·p − 1)xᵀ, and the
    sum of its absolute values is the product ‖C·p − 1‖₁ · ‖x‖₁: no autograd needed. OpenOOD v1.5
    and MOODv2 compute the same, sample by sample.
    There is no ``gradnorm@moodv1``: that code computes one value for a batch of 16 images, which
    is not a function of the image and changes with the order of the files.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        return defined(_logit_gradient(bank) * absolute_sums(bank))


@dataclass(frozen=True)
class GradNormPytorchOOD(LearnsNothing):
    """s = ‖∂ℓ/∂W‖₁ + ‖∂ℓ/∂b‖₁ for ℓ = −(1/C) Σ_c log p_c, which is ‖p − 1/C‖₁ · (‖x‖₁ + 1).

    GradNorm of pytorch-ood 0.4.0 with its defaults on the last layer: the mean over the classes
    instead of the sum, and the gradient of the bias as well.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        del state
        classes = logits_of(bank).shape[1]
        return defined(_logit_gradient(bank) / classes * (absolute_sums(bank) + 1))


def _logit_gradient(bank: FeatureBank) -> Scores:
    """Return ‖C·p − 1‖₁ of every row, float64 (N,)."""
    logits = logits_of(bank)
    classes = logits.shape[1]

    def block(rows: slice) -> Scores:
        gradient = relative_probabilities(logits[rows])
        gradient *= classes / gradient.sum(axis=1, keepdims=True)
        gradient -= 1
        length: Scores = np.abs(gradient, out=gradient).sum(axis=1)
        return length

    return once_per_bank(
        bank,
        "uniform gradient of logits",
        lambda: by_rows(len(bank), block, cached_rows(classes)),
    )
