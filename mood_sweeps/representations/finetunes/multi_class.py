"""Supervised fine-tuning on all ID classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.representations.recipe import Count, Fraction, Presets, Recipe

__all__ = ["MultiClass"]


@dataclass(frozen=True)
class MultiClass(Recipe):
    """Train all weights and a new head on the ID classes by cross-entropy.

    label_smoothing: share of the target spread evenly over all classes.
    """

    version: ClassVar[int] = 1
    uses_seed: ClassVar[bool] = True
    makes_head: ClassVar[bool] = True
    trains_on_intermediate: ClassVar[bool] = False
    makes_detector: ClassVar[bool] = False
    presets: ClassVar[Presets] = {
        # MOODv1 (Li et al. 2023, §4.1 and code), without its layer-wise decay of the rate.
        "paper": {
            "epochs": 100,
            "batch_size": 128,
            "learning_rate": 2e-5,
            "weight_decay": 1e-8,
            "warmup": 5 / 100,
        }
    }

    epochs: Count = 20
    label_smoothing: Fraction = 0.1
