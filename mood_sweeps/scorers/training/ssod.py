"""The detector that was trained beside the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Floats, Head
from mood_sweeps.scorers.numeric.checked_arrays import (
    defined,
    detector_of,
    features_of,
    train_features_of,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["SSOD"]


@dataclass(frozen=True)
class SSOD(Scorer):
    """s = log σ(w · x + b), the detector of ``ft:ssod``, trained on patches, applied to the image.

    SSOD, the factor P(x ∈ ID | x) of its Eq. 6. The logarithm keeps the order; σ itself is 1 in
    float64 above 37 and would tie the surest images.
    Cost: D a sample.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "training"
    needs: ClassVar[tuple[str, ...]] = ("head", "detector")

    def fit(self, bank: FeatureBank, head: Head | None) -> State:
        """Return detector (D + 1,), unchanged, and rejected (), float64: the share of the train
        features that it classifies as OOD.
        """
        features = train_features_of(bank)
        detector = detector_of(head, features.shape[1]).copy()
        rejected = (_outputs(detector, features) <= 0).mean()
        return {"detector": detector, "rejected": np.asarray(rejected)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return log σ of the detector's output, float64 (N,), at most 0."""
        detector = state["detector"]
        outputs = _outputs(detector, features_of(bank, width=len(detector) - 1))
        return defined(-np.logaddexp(0.0, -outputs))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note a detector that is wrong about most of ID train, for example hardly trained."""
        del bank
        rejected = float(state.get("rejected", 0.0))
        if rejected <= 0.5:
            return ()
        return (f"the detector takes {100 * rejected:.0f}% of the ID train images for OOD",)


def _outputs(detector: Floats, features: Floats) -> Scores:
    *weight, bias = detector.astype(np.float64)
    outputs: Scores = features @ np.asarray(weight) + bias
    return outputs
