"""No pretext task at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.methods.pretexts.task import Pretext

__all__ = ["RandomWeights"]


@dataclass(frozen=True)
class RandomWeights(Pretext):
    """No pretext task: freshly initialised weights, the baseline all others need.

    Blocks that a recipe starts as the identity act from the start here: a baseline has to see the
    image, and BatchNorm measures noise where it would not (``networks/untrained_networks.py``).
    Fine-tuning of ``random`` starts from these weights.
    """

    version: ClassVar[int] = 3
    uses_seed: ClassVar[bool] = True
