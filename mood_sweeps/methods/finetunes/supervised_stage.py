"""The base class of stages that train all weights and a new head on labels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mood_sweeps.choice import Choice, Count, Fraction
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.timm_layers import unsupported_layer_options
from mood_sweeps.training.augment.parameters import Augmentation, RandAugment, Share, Window
from mood_sweeps.training.recipe import Presets, Recipe

__all__ = ["MOODV1", "MOODV1_VIEWS", "AugmentedStage", "Supervised"]

MOODV1 = {
    # MOODv1 (Li et al. 2023), its code's command for BEiT-L/16, which is BEiT's for weights after
    # intermediate fine-tuning; for BEiT-B/16 that command has layer_decay 0.85, drop_path 0.1.
    "epochs": 100,
    "batch_size": 128,
    "learning_rate": 2e-5,
    "weight_decay": 1e-8,
    "warmup": 5 / 100,
    "layer_decay": 0.9,
    "drop_path": 0.4,
}


@dataclass(frozen=True)
class Supervised(Recipe, FinetuneStage):
    """A seeded stage that makes a head; by default on the ID set, without a detector.

    label_smoothing: share of the target spread evenly over all classes.
    layer_decay: factor of the learning rate for every layer below the head, so that the first
    layers, which are the most general, change least (Clark et al. 2020; Bao et al. 2022).
    drop_path: probability that the last block is skipped for an image; it falls linearly to 0 at
    the first (Huang et al. 2016). In training only: the checkpoint's network skips no block.
    ema: decay of a moving average of the weights, from the start on, which is published instead of
    the last weights; it spans about 1 / (1 - ema) steps. 0: publish the last weights.
    """

    presets: ClassVar[Presets] = {"paper": MOODV1}
    presets_of_vits: ClassVar[tuple[str, ...]] = ("layer_decay", "drop_path")

    epochs: Count = 20
    label_smoothing: Fraction = 0.1
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    drop_path: Fraction = 0.0
    ema: Fraction = 0.0

    def refuses(self, backbone: Choice[Backbone]) -> str | None:
        """Return why these options do not work for a backbone, or None; see `FinetuneStage`."""
        return unsupported_layer_options(
            backbone, layer_decay=self.layer_decay, drop_path=self.drop_path
        )


MOODV1_VIEWS = {
    # MOODv1's code, from BEiT's: rand-m9-mstd0.5-inc1 and reprob 0.25 on random crops and flips.
    **MOODV1,
    "augmentation": "paper",
    "rand_augment": 9.0,
    "erase": 0.25,
}
_NAMED = {
    "nano": Augmentation(window=Window()),
    "paper": Augmentation(crop_scale=(0.08, 1.0), interpolation="bicubic", flip=0.5),
}


@dataclass(frozen=True)
class AugmentedStage(Supervised):
    """A supervised stage on views of the images, drawn anew in each epoch.

    augmentation: ``nano`` for small images with an orientation: small shifts and turns;
    ``paper``: crops and flips, as is usual for photographs.
    rand_augment: magnitude of RandAugment, up to 10; 0 for none. rand_augment_ops: number of
    changes per image. rand_augment_spread: standard deviation of the magnitude (see
    ``RandAugment``).
    erase: probability that a rectangle of the image is replaced by noise (``random_erasing.py``).
    """

    augmentation: Literal["nano", "paper"] = "nano"
    rand_augment: Annotated[float, Field(ge=0, le=10)] = 0.0
    rand_augment_ops: Count = 2
    rand_augment_spread: Annotated[float, Field(ge=0)] = 0.5
    erase: Share = 0.0

    def view(self) -> Augmentation:
        """Return how a view of an image is drawn."""
        changes = None
        if self.rand_augment:
            changes = RandAugment(
                self.rand_augment, self.rand_augment_ops, self.rand_augment_spread
            )
        named = _NAMED[self.augmentation]
        return dataclasses.replace(named, rand_augment=changes, erase=self.erase)
