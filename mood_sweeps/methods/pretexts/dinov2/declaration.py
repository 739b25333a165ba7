"""The declaration of DINOv2; ``objective.py`` trains it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.methods.pretexts.dino.declaration import Dino
from mood_sweeps.training.augment.parameters import Augmentation, Range, Share
from mood_sweeps.training.recipe import Presets

__all__ = ["DinoV2"]

_Weight = Annotated[float, Field(ge=0)]
_FIRST, _SECOND, _LOCAL = Dino.augmentations["paper"]


@dataclass(frozen=True)
class DinoV2(Dino):
    """DINO with the same loss for hidden patches and with spread features (Oquab et al. 2023, §4).

    In some of the student's global crops blocks of patches are hidden; the student predicts the
    outputs of the teacher, which sees all patches (iBOT, Zhou et al. 2022). KoLeo pushes the
    features of a batch away from their nearest neighbours (Sablayrolles et al. 2019). The teacher
    is centred by its mean output; the paper's large models use Sinkhorn-Knopp instead.

    masked_images: share of the global crops with hidden patches. mask_ratio: range of the share
    of their patches that is hidden, spread evenly over the batch. shared_head: whether patches and
    images share one head. patch_weight, koleo_weight: weights of the two losses beside DINO's.
    """

    version: ClassVar[int] = 1
    objective: ClassVar[str] = "mood_sweeps.methods.pretexts.dinov2.objective:DinoV2Objective"
    families: ClassVar[tuple[str, ...]] = ("vit",)
    presets: ClassVar[Presets] = {
        # The paper's ViT-L from scratch (Table 16 and the code's vitl14.yaml): 625,000 steps on
        # ImageNet-22k, lr 2e-4 × √(batch / 1024). Without drop path; weight decay stays at
        # the start of its schedule (0.04 to 0.2).
        "paper": {
            **Dino.presets["paper"],
            "epochs": 135,
            "batch_size": 3072,
            "learning_rate": 3.5e-4,
            "base_batch_size": None,
            "warmup": 80 / 500,
            "local_crops": 8,
            "outputs": 131072,
            "bottleneck": 384,
            "frozen_head": 1 / 500,
            "teacher_warmup": 30 / 500,
            "momentum": 0.994,
        }
    }
    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]] = {
        "nano": Dino.augmentations["nano"],
        "paper": (
            dataclasses.replace(_FIRST, crop_scale=(0.32, 1.0)),
            dataclasses.replace(_SECOND, crop_scale=(0.32, 1.0)),
            dataclasses.replace(_LOCAL, crop_scale=(0.05, 0.32)),
        ),
    }

    unit_prototypes: bool = False
    masked_images: Share = 0.5
    mask_ratio: Range = (0.1, 0.5)
    shared_head: bool = False
    patch_weight: _Weight = 1.0
    koleo_weight: _Weight = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("mask_ratio", self.mask_ratio)
