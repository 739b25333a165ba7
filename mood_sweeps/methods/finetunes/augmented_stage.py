"""The base class of stages that train on augmented views of the images."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from mood_sweeps.choice import Count
from mood_sweeps.methods.finetunes.supervised_stage import MOODV1, Supervised
from mood_sweeps.training.augment.parameters import Augmentation, RandAugment, Share, Window

__all__ = ["MOODV1_VIEWS", "AugmentedStage"]

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
