"""No pretext task at all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

from mood_sweeps.methods.pretexts.task import ALL_FAMILIES

__all__ = ["RandomWeights"]


@dataclass(frozen=True)
class RandomWeights:
    """No pretext task: freshly initialised weights, the baseline all others need.

    Blocks that a recipe starts as the identity act from the start here: a baseline has to see the
    image, and BatchNorm measures noise where it would not (see ``untrained``). Fine-tuning of
    ``random`` starts from these weights.
    """

    version: ClassVar[int] = 3
    is_loaded: ClassVar[bool] = False
    uses_corpus: ClassVar[bool] = False
    uses_labels: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = False
    makes_decoder: ClassVar[bool] = False
    families: ClassVar[tuple[str, ...]] = ALL_FAMILIES
    drops_patches: ClassVar[bool] = False

    def with_preset(self, given: Collection[str], *, is_nano: bool, family: str = "vit") -> Self:
        """Return itself: there is nothing to choose."""
        del given, is_nano, family
        return self
