"""CADRef: CARef's error, split by whether it raises the logit (Ling et al., 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.caref import predicted_means
from mood_sweeps.scorers.numeric.bank_statistics import absolute_sums
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    features_of,
    head_of,
    logits_of,
    train_features_of,
)
from mood_sweeps.scorers.numeric.rows import row_blocks
from mood_sweeps.scorers.numeric.softmax import log_normalizer, predicted_classes
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["CADRef"]


@dataclass(frozen=True)
class CADRef(Scorer):
    """s = −E₊ / S(x) − E₋ / S̄, E± = Σ_i max(± sign(w_ŷi) (x − μ_ŷ)_i, 0) / ‖x‖₁, μ as in CARef.

    E₊ is the part of CARef's error that raises the largest logit, E₋ the part that lowers it;
    S(x) is the confidence in x, S̄ its mean over the train set. Ling et al. (2025), equation 10,
    split by the sign of the relative feature, as in their text and code (equations 7 and 8 print
    x itself). confidence: ``energy`` (log Σ exp z, their choice), ``max_logit`` or ``msp``. A
    negative confidence is used unchanged.
    Cost: N·D to fit, shared with CARef; D + C a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("head",)

    confidence: Literal["energy", "max_logit", "msp"] = "energy"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return means (C, D), signs (C, D) of the weights and the mean confidence (), float64.

        Raises Undefined where the mean confidence, which scales errors, is not positive.
        """
        head = head_of(head, train_features_of(train).shape[1])
        means, confidence = predicted_means(train), self._confidence(train).mean()
        if not confidence > 0:
            raise Undefined(f"the mean confidence on the train set is not positive: {confidence}")
        return {
            "means": means,
            "signs": np.sign(head.weight).astype(np.float64, order="C"),
            "confidence": np.asarray(confidence),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution; Undefined for a zero feature."""
        means, signs = state["means"], state["signs"]
        features = features_of(bank, width=means.shape[1])
        predicted = predicted_classes(bank, classes=len(means))
        both, difference = np.empty(len(features)), np.empty(len(features))
        for rows in row_blocks(len(features)):
            relative = means[predicted[rows]]
            np.subtract(features[rows], relative, out=relative)
            relative *= signs[predicted[rows]]
            difference[rows] = relative.sum(axis=1)
            both[rows] = np.abs(relative, out=relative).sum(axis=1)
        raising, lowering = (both + difference) / 2, (both - difference) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            error = raising / self._confidence(bank) + lowering / state["confidence"]
            return defined(-error / absolute_sums(bank))

    def _confidence(self, bank: FeatureBank) -> Scores:
        if self.confidence == "energy":
            return log_normalizer(bank)
        confidence: Scores = logits_of(bank).max(axis=1).astype(np.float64)
        if self.confidence == "msp":
            confidence = np.exp(confidence - log_normalizer(bank))
        return confidence
