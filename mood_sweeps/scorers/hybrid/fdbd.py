"""fDBD: distance to the decision boundaries of the predicted class (Liu and Qin, 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.bank_statistics import feature_mean
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    logits_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows, row_products
from mood_sweeps.scorers.numeric.softmax import predicted_classes
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["FDBD", "FDBDOpenOOD"]


@dataclass(frozen=True)
class FDBD(Scorer):
    """s = mean_{c ≠ ŷ} (z_ŷ − z_c) / (‖w_ŷ − w_c‖₂ · ‖x − μ‖₂), μ the mean train feature.

    (z_ŷ − z_c) / ‖w_ŷ − w_c‖₂ is the distance of x to the boundary with class c. Liu and Qin,
    "Fast Decision Boundary based Out-of-Distribution Detector" (2024).
    normaliser: ``distance`` divides by ‖x − μ‖₂ as in the paper, ``norm`` by ‖x‖₂, which the
    authors found better for some networks and which is an option in OpenOOD.
    Cost: N·D + C²·D to fit; D + C a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    normaliser: Literal["distance", "norm"] = "distance"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), the origin of distances, and weights (C, C), float64.

        weights: the factor of each difference of logits, zero on the diagonal. Raises Undefined
        for one class, or where two classes have the same w and so no boundary.
        """
        features = train_features_of(train)
        weight = head_of(head, features.shape[1]).weight.astype(np.float64)
        gaps = np.stack([np.linalg.norm(weight - row, axis=1) for row in weight])
        others = ~np.eye(len(weight), dtype=bool)
        if not others.any() or not gaps[others].all():
            raise Undefined(
                "there is no decision boundary between some classes: "
                "it takes two or more with different weights"
            )
        weights = np.divide(self.share(len(weight)), gaps, out=np.zeros_like(gaps), where=others)
        centre = feature_mean(train)
        return {
            "centre": centre if self.normaliser == "distance" else np.zeros_like(centre),
            "weights": weights,
        }

    def share(self, classes: int) -> float:
        """Return the weight of one boundary in their mean."""
        return 1 / (classes - 1)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution; Undefined for a sample at μ."""
        centre, weights = state["centre"], state["weights"]
        features = features_of(bank, width=len(centre))
        logits = logits_of(bank, classes=len(weights))
        predicted = predicted_classes(bank)

        def block(rows: slice) -> Scores:
            values = logits[rows].astype(np.float64)
            gaps = values.max(axis=1, keepdims=True) - values
            centred: Scores = np.subtract(features[rows], centre, dtype=np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                distance: Scores = row_products(weights[predicted[rows]], gaps) / np.sqrt(
                    row_products(centred, centred)
                )
            return distance

        return defined(by_rows(len(features), block))


@dataclass(frozen=True)
class FDBDOpenOOD(FDBD):
    """As fdbd, with the sum over the classes instead of the mean (OpenOOD 1.5)."""

    def share(self, classes: int) -> float:
        """Return the weight of one boundary in their sum."""
        del classes
        return 1.0
