"""What carries out which declared fine-tuning stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mood_sweeps.methods.finetunes.intermediate.declaration import Intermediate
from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass
from mood_sweeps.methods.finetunes.one_class.declaration import OneClass
from mood_sweeps.methods.finetunes.outlier_exposure.declaration import OutlierExposure
from mood_sweeps.methods.finetunes.probe.declaration import Probe
from mood_sweeps.methods.finetunes.probe.fit import fit_probe
from mood_sweeps.methods.finetunes.ssod.declaration import SSOD
from mood_sweeps.methods.finetunes.stage_inputs import Finetuning
from mood_sweeps.methods.finetunes.train_supervised import (
    train_classifier,
    train_one_class,
    train_outlier_exposure,
    train_ssod,
)
from mood_sweeps.networks.checkpoint import Checkpoint

__all__ = ["FINETUNERS"]

FINETUNERS: Mapping[type[Any], Callable[[Finetuning], Checkpoint]] = {
    Intermediate: train_classifier,
    MultiClass: train_classifier,
    OneClass: train_one_class,
    SSOD: train_ssod,
    OutlierExposure: train_outlier_exposure,
    Probe: fit_probe,
}
