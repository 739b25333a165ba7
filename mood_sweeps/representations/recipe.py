"""The part of training that all pretext tasks and fine-tuning stages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

__all__ = ["Count", "Fraction", "Positive", "Recipe"]

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Recipe:
    """AdamW with linear warm-up, then a cosine down to zero.

    epochs: passes over the images. batch_size: images per step (its statistics reach BatchNorm, so
    it is part of what is computed). learning_rate: the peak. weight_decay: decoupled, on matrices
    only. warmup: share of all steps spent rising from zero.
    """

    epochs: Count = 30
    batch_size: Count = 32
    learning_rate: Positive = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    warmup: Fraction = 0.1
