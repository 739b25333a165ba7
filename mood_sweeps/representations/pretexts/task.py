"""What every pretext task declares beside its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.representations.recipe import Recipe

__all__ = ["ALL_FAMILIES", "Task"]

ALL_FAMILIES = ("vit", "cnn", "other")


@dataclass(frozen=True)
class Task(Recipe):
    """A pretext task that is trained: by default on images without their labels, seeded, headless.

    families: the backbones it makes sense for. drops_patches: whether the network is fed some of an
    image's patches only, which not every ViT can be. The planner refuses the others.
    """

    uses_corpus: ClassVar[bool] = True
    uses_labels: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES
    drops_patches: ClassVar[bool] = False
