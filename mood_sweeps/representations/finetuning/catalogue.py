"""What carries out which declared fine-tuning stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.finetunes.intermediate import Intermediate
from mood_sweeps.representations.finetunes.multi_class import MultiClass
from mood_sweeps.representations.finetunes.one_class import OneClass
from mood_sweeps.representations.finetunes.outlier_exposure import OutlierExposure
from mood_sweeps.representations.finetunes.probe import Probe
from mood_sweeps.representations.finetunes.ssod import SSOD
from mood_sweeps.representations.finetuning.finetuning import Finetuning
from mood_sweeps.representations.finetuning.probe import fit_probe
from mood_sweeps.representations.finetuning.supervised import (
    train_classifier,
    train_one_class,
    train_outlier_exposure,
    train_ssod,
)

__all__ = ["FINETUNERS"]

FINETUNERS: Mapping[type[Any], Callable[[Finetuning], Checkpoint]] = {
    Intermediate: train_classifier,
    MultiClass: train_classifier,
    OneClass: train_one_class,
    SSOD: train_ssod,
    OutlierExposure: train_outlier_exposure,
    Probe: fit_probe,
}
