"""The declaration of DINO; ``objective.py`` trains it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.choice import Count, Fraction, Positive
from mood_sweeps.methods.pretexts.augmented_task import Augmented
from mood_sweeps.training.augment.parameters import Augmentation, Range, Window
from mood_sweeps.training.recipe import Presets

__all__ = ["Dino"]

_NANO = Augmentation(window=Window(scale=(0.85, 1.1), shift=0.1, turn=0.2, contrast=0.3))
# The views of the paper's code; BYOL's, cropped with bicubic interpolation.
_PAPER = Augmentation(
    crop_scale=(0.25, 1.0), interpolation="bicubic", flip=0.5, jitter=0.8, grayscale=0.2
)


@dataclass(frozen=True)
class Dino(Augmented):
    """Self-distillation without labels (Caron et al. 2021): a student predicts its own average.

    The student sees two global and several local crops, the teacher, a moving average of the
    student, only the global ones; the loss is the cross-entropy between their softmaxes for
    different views. The teacher is published.

    global_scale, local_scale: ranges of the area seen, as shares of the image's; None for the named
    augmentation's. local_crops: per image. local_size: side of a local crop as a share of the
    image's, rounded to whole patches; for a network with a fixed input size (windowed
    attention, relative or rotary positions) they are enlarged to it.
    outputs, hidden, bottleneck: widths of the head. head_norm: whether BatchNorm is between its
    layers: features of a small network hardly differ at the start, and without BatchNorm the
    teacher stays uniform, which the student learns at once. unit_prototypes: whether the rows of
    its last layer keep length one. frozen_head: share of training, from the start, in which the
    head's last layer stays fixed. student_temperature; teacher_temperature, which rises
    linearly from first_teacher_temperature over the share teacher_warmup of training.
    momentum: of the teacher at the start; it rises to 1 by a cosine. center_momentum: of the mean
    output that is subtracted from the teacher's.
    """

    version: ClassVar[int] = 1
    objective: ClassVar[str] = "mood_sweeps.methods.pretexts.dino.objective:DinoObjective"
    presets: ClassVar[Presets] = {
        # The paper's §3.2 and its code for ViT-S/16 with 2×224² and 10×96² crops. Weight decay
        # stays at the start of its schedule (0.04 to 0.4); clipping is by the norm of all
        # gradients.
        "paper": {
            "epochs": 300,
            "batch_size": 1024,
            "learning_rate": 5e-4,
            "base_batch_size": 256,
            "weight_decay": 0.04,
            "warmup": 10 / 300,
            "clip": 3.0,
            "augmentation": "paper",
            "local_crops": 10,
            "local_size": 96 / 224,
            "outputs": 65536,
            "hidden": 2048,
            "bottleneck": 256,
            "head_norm": False,
            "frozen_head": 1 / 300,
            "teacher_temperature": 0.07,
            "first_teacher_temperature": 0.04,
            "teacher_warmup": 30 / 300,
            "momentum": 0.996,
        }
    }
    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]] = {
        "nano": (_NANO, _NANO, dataclasses.replace(_NANO, crop_scale=(0.3, 0.7))),
        "paper": (
            dataclasses.replace(_PAPER, blur=1.0),
            dataclasses.replace(_PAPER, blur=0.1, solarise=0.2),
            dataclasses.replace(_PAPER, crop_scale=(0.05, 0.25), blur=0.5),
        ),
    }

    epochs: Count = 50
    batch_size: Count = 64
    global_scale: Range | None = None
    local_scale: Range | None = None
    local_crops: Annotated[int, Field(ge=0)] = 2
    local_size: Annotated[float, Field(gt=0, le=1)] = 0.75
    outputs: Count = 256
    hidden: Count = 128
    bottleneck: Count = 32
    head_norm: bool = True
    unit_prototypes: bool = True
    frozen_head: Fraction = 0.0
    student_temperature: Positive = 0.1
    teacher_temperature: Positive = 0.04
    first_teacher_temperature: Positive = 0.04
    teacher_warmup: Fraction = 0.0
    momentum: Fraction = 0.95
    center_momentum: Fraction = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("global_scale", self.global_scale)
        self._check_range("local_scale", self.local_scale)

    def views(self) -> tuple[Augmentation, ...]:
        """Return how the first and second global and the local views are drawn."""
        scales = (self.global_scale, self.global_scale, self.local_scale)
        return tuple(
            view if scale is None else dataclasses.replace(view, crop_scale=scale)
            for view, scale in zip(super().views(), scales, strict=True)
        )
