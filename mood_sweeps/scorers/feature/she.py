"""Simplified Hopfield energy (Zhang et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.bank_statistics import class_means
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    logits_of,
    train_features_of,
    train_labels_of,
    train_logits_of,
)
from mood_sweeps.scorers.numeric.rows import by_rows, plain_rows, row_products, unit_rows
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_notes

__all__ = ["SHE"]


@dataclass(frozen=True)
class SHE(Scorer):
    """s = ⟨x, S_ŷ⟩, S_c the mean train feature of class c over those that are classified correctly.

    Zhang et al. (2023), section 3.2; ŷ = argmax z. The same in OpenOOD and pytorch-ood 0.4.0. A
    class without a correctly classified train sample has no pattern (NaN or an error in those
    tools): here ŷ is the largest logit among the classes that have a pattern.
    metric: ``inner`` as above; ``euclidean``, −‖x − S_ŷ‖₂; ``cosine``, ⟨x, S_ŷ⟩ / ‖x‖‖S_ŷ‖ (both in
    the paper's comparison and in OpenOOD).
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels", "logits")

    metric: Literal["inner", "euclidean", "cosine"] = "inner"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return patterns (C, D), float64, and known (C,), bool: whether a class has one.

        Raises Undefined where no train sample is classified correctly.
        """
        del head
        features, logits = train_features_of(train), train_logits_of(train)
        labels, classes = train_labels_of(train), logits.shape[1]
        # Wrongly classified samples form one more class.
        index = np.where(logits.argmax(axis=1) == labels, labels, classes)
        counts, means = class_means(features, index, classes + 1)
        if not counts[:classes].any():
            raise Undefined("no train sample is classified correctly")
        return {"patterns": means[:classes], "known": counts[:classes] > 0}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        patterns, known = state["patterns"], state["known"]
        features = features_of(bank, width=patterns.shape[1])
        logits = logits_of(bank, classes=len(patterns))

        def block(rows: slice) -> Scores:
            predicted = np.where(known, logits[rows], -np.inf).argmax(axis=1)
            return self._similarity(plain_rows(features[rows]), patterns[predicted])

        return defined(by_rows(len(features), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes without a pattern."""
        del bank
        known = state["known"]
        bare = int(np.count_nonzero(~known))
        return class_notes(bare, len(known), "have no train image classified correctly")

    def _similarity(self, points: Scores, patterns: Scores) -> Scores:
        if self.metric == "euclidean":
            differences = points - patterns
            return -np.sqrt(row_products(differences, differences))
        if self.metric == "cosine":
            points, patterns = unit_rows(points), unit_rows(patterns)
        return row_products(points, patterns)
