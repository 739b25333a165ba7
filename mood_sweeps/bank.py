"""Feature banks and heads: what a representation makes of an image set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FeatureBank", "Floats", "Head", "Ints"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Head:
    """The linear classifier of a representation: logits = features @ weight.T + bias.

    weight: float32 (C, D). bias: float32 (C,).
    """

    weight: Floats
    bias: Floats


@dataclass(frozen=True, eq=False)
class FeatureBank:
    """Cached features of one representation on one image set.

    features: float32 (N, D), before the head.
    labels: int64 (N,); ID classes are 0..C-1, OOD sets carry their own fine labels.
    logits: float32 (N, C), or None for a headless representation.
    """

    features: Floats
    labels: Ints
    logits: Floats | None = None

    def __len__(self) -> int:
        return len(self.features)
