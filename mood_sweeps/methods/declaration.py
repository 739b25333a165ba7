"""What the declarations of pretext tasks and of fine-tuning stages have in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

__all__ = ["Declaration"]


@dataclass(frozen=True)
class Declaration:
    """The parameters of a method, by default without a training; imported without torch."""

    @property
    def n_epochs(self) -> int | None:
        """Epochs of the training; None where it has none, or nothing is trained."""
        return None

    @property
    def n_micro_batches(self) -> int:
        """Micro-batches in a batch, which several workers may share."""
        return 1

    def with_preset(self, given: Collection[str], *, is_nano: bool, family: str = "vit") -> Self:
        """Return this method with its preset's values; see `Recipe`. Without presets, unchanged."""
        del given, is_nano, family
        return self
