"""The base class of pretext tasks that train on random views of an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.task import PretextTask
from mood_sweeps.training.augment.parameters import Augmentation, Range, Share

__all__ = ["Augmented"]


@dataclass(frozen=True)
class Augmented(PretextTask):
    """A task on views drawn by named augmentations, with parameters that change single parts.

    augmentation: ``nano`` for small gray images with an orientation; ``paper``: the paper's.
    flip, jitter, grayscale, blur, solarise: the probability of each (see ``Augmentation``), in all
    views; None for the values of the named augmentation.
    """

    augmentations: ClassVar[Mapping[str, tuple[Augmentation, ...]]]

    augmentation: Literal["nano", "paper"] = "nano"
    flip: Share | None = None
    jitter: Share | None = None
    grayscale: Share | None = None
    blur: Share | None = None
    solarise: Share | None = None

    def views(self) -> tuple[Augmentation, ...]:
        """Return how each view of an image is drawn, in the order of ``augmentations``."""
        named = self.augmentations[self.augmentation]
        probabilities = ("flip", "jitter", "grayscale", "blur", "solarise")
        changed = {name: getattr(self, name) for name in probabilities}
        changed = {name: value for name, value in changed.items() if value is not None}
        return tuple(dataclasses.replace(view, **changed) for view in named)

    @staticmethod
    def _check_range(name: str, value: Range | None) -> None:
        if value is not None and value[0] > value[1]:
            raise InputError(f"{name} ({value[0]} to {value[1]}) must go from low to high")
