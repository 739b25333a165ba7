"""CARef: relative distance to the mean of the predicted class (Ling et al., 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.numeric.bank_statistics import absolute_sums, class_means
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    train_features_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.softmax import predicted_classes
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["CARef", "predicted_means"]


@dataclass(frozen=True)
class CARef(Scorer):
    """s = −‖x − μ_ŷ‖₁ / ‖x‖₁, μ_c the mean of the train features predicted as class c.

    Ling et al., "CADRef: Robust Out-of-Distribution Detection via Class-Aware Decoupled Relative
    Feature Leveraging" (2025). For a class that is never predicted on the train set, where their
    code gives NaN, μ_c is the mean of all train features. Cost: N·D to fit; D a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return means (C, D), float64."""
        del head
        return {"means": predicted_means(train)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution; Undefined for a zero feature."""
        means = state["means"]
        features = features_of(bank, width=means.shape[1])
        predicted = predicted_classes(bank, classes=len(means))

        def block(rows: slice) -> Scores:
            relative = means[predicted[rows]]
            np.subtract(features[rows], relative, out=relative)
            error: Scores = np.abs(relative, out=relative).sum(axis=1)
            return error

        with np.errstate(divide="ignore", invalid="ignore"):
            return defined(-by_rows(len(features), block) / absolute_sums(bank))


def predicted_means(train: FeatureBank) -> npt.NDArray[np.float64]:
    """Return the mean feature of every predicted class, float64 (C, D).

    Raises Undefined without rows, InputError without logits.
    """
    features, classes = train_features_of(train), train_logits_of(train).shape[1]

    def compute() -> npt.NDArray[np.float64]:
        counts, means = class_means(features, predicted_classes(train), classes)
        means[counts == 0] = np.average(means, axis=0, weights=counts)
        return means

    return once_per_bank(train, "predicted means", compute)
