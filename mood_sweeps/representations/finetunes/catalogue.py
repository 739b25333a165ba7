"""The fine-tuning stages by the name that an experiment file uses."""

from __future__ import annotations

from typing import Any

from mood_sweeps.representations.finetunes.intermediate import Intermediate
from mood_sweeps.representations.finetunes.multi_class import MultiClass
from mood_sweeps.representations.finetunes.one_class import OneClass
from mood_sweeps.representations.finetunes.outlier_exposure import OutlierExposure
from mood_sweeps.representations.finetunes.probe import Probe
from mood_sweeps.representations.finetunes.ssod import SSOD

__all__ = ["FINETUNES"]

FINETUNES: dict[str, type[Any]] = {
    "inter": Intermediate,
    "ft": MultiClass,
    "ft:one_class": OneClass,
    "ft:ssod": SSOD,
    "ft:outlier_exposure": OutlierExposure,
    "probe": Probe,
}
