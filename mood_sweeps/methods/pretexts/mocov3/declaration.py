"""The declaration of MoCo v3; ``objective.py`` trains it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Count, Fraction, Positive
from mood_sweeps.methods.pretexts.augmented_task import Augmented
from mood_sweeps.training.augment.parameters import Augmentation, Range, Window
from mood_sweeps.training.recipe import Presets

__all__ = ["MoCoV3"]

_NANO = Augmentation(window=Window(scale=(0.85, 1.1), shift=0.1, turn=0.2, contrast=0.3))
# As in the paper's code: BYOL's two views, which differ in blur and solarisation.
_PAPER = Augmentation(crop_scale=(0.08, 1.0), flip=0.5, jitter=0.8, grayscale=0.2)


@dataclass(frozen=True)
class MoCoV3(Augmented):
    """Contrast between two views of each image and a momentum encoder (Chen et al. 2021, Alg. 1).

    temperature: of the softmax over the batch. momentum: of the key encoder at the start; it rises
    to 1 by a cosine. projection: outputs of projector and predictor. hidden: width inside them.
    projector_layers: linear layers of the projector; the predictor has two. crop_scale: range of
    the area seen, as a share of the image's; None for the named augmentation's.
    """

    version: ClassVar[int] = 1
    objective: ClassVar[str] = "mood_sweeps.methods.pretexts.mocov3.objective:MoCoV3Objective"
    presets: ClassVar[Presets] = {
        # The ViT settings of the paper's §5 and code: lr 1.5e-4 × batch / 256, AdamW.
        "paper": {
            "epochs": 300,
            "batch_size": 4096,
            "learning_rate": 1.5e-4,
            "base_batch_size": 256,
            "weight_decay": 0.1,
            "warmup": 40 / 300,
            "momentum": 0.99,
            "projection": 256,
            "hidden": 4096,
            "projector_layers": 3,
            "augmentation": "paper",
        }
    }
    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]] = {
        "nano": (_NANO, _NANO),
        "paper": (
            dataclasses.replace(_PAPER, blur=1.0),
            dataclasses.replace(_PAPER, blur=0.1, solarise=0.2),
        ),
    }

    epochs: Count = 35
    batch_size: Count = 64
    temperature: Positive = 0.2
    momentum: Fraction = 0.95
    projection: Count = 64
    hidden: Count = 128
    projector_layers: Count = 2
    crop_scale: Range | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("crop_scale", self.crop_scale)

    def views(self) -> tuple[Augmentation, ...]:
        """Return how the two views of an image are drawn."""
        views = super().views()
        if self.crop_scale is None:
            return views
        return tuple(dataclasses.replace(view, crop_scale=self.crop_scale) for view in views)
