"""The declaration of SimMIM; ``objective.py`` trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Count, Fraction
from mood_sweeps.methods.pretexts.augmented_task import Augmented
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.recipe import Presets

__all__ = ["SimMim"]


@dataclass(frozen=True)
class SimMim(Augmented):
    """SimMIM (Xie et al. 2022): hide coarse squares, predict their pixels with one linear layer.

    A mask token replaces every hidden patch; the loss is the mean absolute error over the hidden
    pixels.

    mask_ratio: share of the squares hidden in each image. mask_patch_size: their side in pixels,
    rounded to whole patches of the backbone, at least one; the last squares of a row or column may
    be cut.
    """

    version: ClassVar[int] = 1
    objective: ClassVar[str] = "mood_sweeps.methods.pretexts.simmim.objective:SimMimObjective"
    families: ClassVar[tuple[str, ...]] = ("vit",)
    makes_decoder: ClassVar[bool] = True
    presets: ClassVar[Presets] = {
        # The authors' ViT-B configuration; their schedule ends with a tenth of the rate instead.
        "paper": {
            "epochs": 800,
            "batch_size": 2048,
            "learning_rate": 1e-4,
            "base_batch_size": 512,
            "warmup": 10 / 800,
            "clip": 5.0,
            "augmentation": "paper",
            "mask_ratio": 0.6,
            "mask_patch_size": 32,
        }
    }
    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]] = {
        "nano": (Augmentation(),),
        "paper": (Augmentation(crop_scale=(0.67, 1.0), flip=0.5),),
    }

    epochs: Count = 100
    mask_ratio: Fraction = 0.6
    mask_patch_size: Count = 2
