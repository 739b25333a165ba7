"""Fine-tuning with an OOD detector beside the head."""

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

    Self-Supervised OOD Detection (SSOD), Eq. 9 and 11: patches for which the classifier is
    confident of the image's class are ID; patches for which it is confident of the opposite serve
    as OOD. The scorer ``ssod`` uses the detector.

    alpha: weight of the detector's loss; 0 is plain cross-entropy. The paper does not state its
    value; with 1 a patch's binary loss weighs as much as an image's cross-entropy. gamma: least
    confidence of an ID patch; an OOD patch has at most 1 − gamma (0.95 in the paper).
    """

    trainer: ClassVar[str] = "mood_sweeps.methods.finetunes.ssod.objective:train"
    makes_detector: ClassVar[bool] = True

    label_smoothing: Fraction = 0.0
    alpha: Annotated[float, Field(ge=0)] = 1.0
    gamma: Annotated[float, Field(gt=0.5, le=1)] = 0.95
