"""MoCo v3, declared; trained by ``objectives.mocov3``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.representations.pretexts.task import Task
from mood_sweeps.representations.recipe import Count, Fraction, Positive, Presets

__all__ = ["MoCoV3"]


@dataclass(frozen=True)
class MoCoV3(Task):
    """Contrast between two views of each image and a momentum encoder (Chen et al. 2021, Alg. 1).

    temperature: of the softmax over the batch. momentum: of the key encoder at the start; it rises
    to 1 by a cosine. projection: outputs of projector and predictor. hidden: width inside them.
    """

    version: ClassVar[int] = 1
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
        }
    }

    epochs: Count = 35
    batch_size: Count = 64
    temperature: Positive = 0.2
    momentum: Fraction = 0.95
    projection: Count = 64
    hidden: Count = 128
