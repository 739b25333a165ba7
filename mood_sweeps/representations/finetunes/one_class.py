"""One-class fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.representations.finetunes.multi_class import MultiClass
from mood_sweeps.representations.recipe import Count, Fraction

__all__ = ["OneClass"]


@dataclass(frozen=True)
class OneClass(MultiClass):
    """Train all weights and a head of N_c outputs on an ID set of one class (or few).

    MOODv1, Eq. 1: the target is y (1 − α) + α / N_c. Without smoothing the loss of a single class
    would sink to zero and nothing be learnt; with it the head has to hold the class at 1 − α.

    outputs: N_c, at least the classes of the ID set. label_smoothing: α.
    """

    epochs: Count = 20
    label_smoothing: Fraction = 0.1
    outputs: Count = 10
