"""The random baseline: no pretext task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.methods.pretexts.task import Pretext

__all__ = ["RandomWeights"]


@dataclass(frozen=True)
class RandomWeights(Pretext):
    """No pretext task: freshly initialised weights, the baseline for all other tasks.

    Features of a baseline must depend on the image. So residual blocks that usually start as the
    identity act from the start, and BatchNorm is set by noise images where needed
    (``networks/untrained_networks.py``).
    Fine-tuning of ``random`` starts from these weights.
    """

    version: ClassVar[int] = 3
    uses_seed: ClassVar[bool] = True
