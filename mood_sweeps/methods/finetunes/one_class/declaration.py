"""One-class fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Count
from mood_sweeps.methods.finetunes.supervised_stage import MOODV1_VIEWS, AugmentedStage
from mood_sweeps.training.recipe import Presets

__all__ = ["OneClass"]


@dataclass(frozen=True)
class OneClass(AugmentedStage):
    """Train all weights and a head of N_c outputs on an ID set of one class (or few).

    MOODv1, Eq. 1: the target is y (1 − α) + α / N_c. Without smoothing the loss of a single class
    falls to zero and the network learns nothing; with it the prediction must stay at 1 − α.

    outputs: N_c, at least the classes of the ID set. label_smoothing: α.
    """

    trainer: ClassVar[str] = "mood_sweeps.methods.finetunes.one_class.objective:train"
    presets: ClassVar[Presets] = {"paper": MOODV1_VIEWS}

    outputs: Count = 10
