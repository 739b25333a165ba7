"""Fine-tuning with a detector of OOD beside the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.choice import Fraction
from mood_sweeps.methods.finetunes.supervised_stage import Supervised

__all__ = ["SSOD"]


@dataclass(frozen=True)
class SSOD(Supervised):
    """Train all weights, a new head and an OOD detector, learnt from background patches.

    Self-Supervised OOD Detection (SSOD), Eq. 9 and 11: patches in which the classifier is sure of
    the image's class are ID, those in which it is sure of the opposite stand for OOD. Scored by
    ``ssod``.

    alpha: weight of the detector's loss; 0 is plain cross-entropy. The paper does not say its
    value; 1 weighs a patch's binary loss as an image's cross-entropy. gamma: confidence from which
    on a patch is ID, its complement being OOD (the paper's 0.95).
    """

    trainer: ClassVar[str] = "mood_sweeps.methods.finetunes.ssod.objective:train"
    makes_detector: ClassVar[bool] = True

    label_smoothing: Fraction = 0.0
    alpha: Annotated[float, Field(ge=0)] = 1.0
    gamma: Annotated[float, Field(gt=0.5, le=1)] = 0.95
