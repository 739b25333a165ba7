"""The declaration of supervised pretraining; ``objective.py`` trains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.choice import Fraction
from mood_sweeps.methods.pretexts.task import PretextTask
from mood_sweeps.training.recipe import Presets

__all__ = ["Classification"]


@dataclass(frozen=True)
class Classification(PretextTask):
    """Supervised classification of the corpus: cross-entropy on its labels; makes a head.

    label_smoothing: share of the target spread evenly over all classes.
    """

    version: ClassVar[int] = 1
    objective: ClassVar[str] = (
        "mood_sweeps.methods.pretexts.classification.objective:ClassificationObjective"
    )
    makes_head: ClassVar[bool] = True
    presets: ClassVar[Presets] = {
        # DeiT (Touvron et al. 2021, Table 9): lr 5e-4 × batch / 512.
        "paper": {
            "epochs": 300,
            "batch_size": 1024,
            "learning_rate": 5e-4,
            "base_batch_size": 512,
            "warmup": 5 / 300,
            "label_smoothing": 0.1,
        }
    }

    label_smoothing: Fraction = 0.0
