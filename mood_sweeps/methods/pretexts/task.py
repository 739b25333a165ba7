"""What every pretext task declares beside its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mood_sweeps.choice import Choice
from mood_sweeps.training.recipe import Recipe

__all__ = ["ALL_FAMILIES", "Task"]

ALL_FAMILIES = ("vit", "cnn", "other")


@dataclass(frozen=True)
class Task(Recipe):
    """A pretext task that is trained: by default on images without their labels, seeded, headless.

    families: the backbones it makes sense for. drops_patches: whether the network is fed some of an
    image's patches only, which not every ViT can be. The planner refuses the others.
    """

    is_loaded: ClassVar[bool] = False
    uses_corpus: ClassVar[bool] = True
    uses_labels: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = False
    makes_decoder: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES
    drops_patches: ClassVar[bool] = False

    def tokenizer_for(self, backbone: Choice, folder: Path) -> Choice | None:
        """Return the tokenizer that has to be made before it trains ``backbone``, mostly none.

        folder: what the path of a file is relative to.
        """
        del backbone, folder
        return None
