"""Intermediate fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass

__all__ = ["Intermediate"]


@dataclass(frozen=True)
class Intermediate(MultiClass):
    """Train all weights and a head on the intermediate set's classes, before the ID set's.

    MOODv1 adopts it from BEiT (Bao et al. 2022, §2.5): supervised training on ImageNet-22k between
    pretext task and fine-tuning. The set is the sweep's ``intermediate``, by default its corpus
    (ImageNet-22k is both in MOODv1). Published weights with this stage are loaded instead.
    """

    trains_on_intermediate: ClassVar[bool] = True
