"""NCI: closeness to the weights of the predicted class, and length (Liu and Qin, 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.numeric.bank_statistics import absolute_sums, feature_mean
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows, row_products
from mood_sweeps.scorers.numeric.softmax import predicted_classes
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["NCI", "NCIPytorchOOD"]


@dataclass(frozen=True)
class NCI(Scorer):
    """s = w_ŷᵀ(x − μ) / ‖x − μ‖₂ + α‖x‖₁, μ the mean of the train features.

    Liu and Qin, "Detecting Out-of-Distribution Through the Lens of Neural Collapse" (2025).
    The paper tunes α; 10⁻⁴ is the default of the authors' implementation in OpenOOD.
    Cost: N·D to fit; D a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    alpha: Annotated[float, Field(ge=0)] = 1e-4

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return mean (D,) and weight (C, D), float64."""
        head = head_of(head, train_features_of(train).shape[1])
        return {"mean": feature_mean(train), "weight": head.weight.astype(np.float64, order="C")}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution; Undefined for a sample at μ."""
        mean, weight = state["mean"], state["weight"]
        features = features_of(bank, width=len(mean))
        predicted = predicted_classes(bank, classes=len(weight))

        def block(rows: slice) -> Scores:
            centred: Scores = np.subtract(features[rows], mean, dtype=np.float64)
            aligned = row_products(weight[predicted[rows]], centred)
            with np.errstate(divide="ignore", invalid="ignore"):
                closeness: Scores = aligned / np.sqrt(row_products(centred, centred))
            return closeness

        return defined(by_rows(len(features), block) + self.alpha * absolute_sums(bank))


@dataclass(frozen=True)
class NCIPytorchOOD(NCI):
    """As nci, with α = 0: by default pytorch-ood 0.4.0 leaves out the length."""

    alpha: Annotated[float, Field(ge=0)] = 0.0
