"""What carries out which declared fine-tuning stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.finetunes.multi_class import MultiClass
from mood_sweeps.representations.finetunes.probe import Probe
from mood_sweeps.representations.finetuning.multi_class import train_classifier
from mood_sweeps.representations.finetuning.probe import fit_probe
from mood_sweeps.representations.finetuning.tuning import Tuning

__all__ = ["FINETUNERS"]

FINETUNERS: Mapping[type[Any], Callable[[Tuning], Checkpoint]] = {
    MultiClass: train_classifier,
    Probe: fit_probe,
}
