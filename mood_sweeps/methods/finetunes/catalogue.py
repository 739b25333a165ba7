"""The fine-tuning stages by the name that an experiment file uses."""

from __future__ import annotations

from mood_sweeps.methods.finetunes.intermediate.declaration import Intermediate
from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass
from mood_sweeps.methods.finetunes.one_class.declaration import OneClass
from mood_sweeps.methods.finetunes.outlier_exposure.declaration import OutlierExposure
from mood_sweeps.methods.finetunes.probe.declaration import Probe
from mood_sweeps.methods.finetunes.ssod.declaration import SSOD
from mood_sweeps.methods.finetunes.stage import FinetuneStage

__all__ = ["FINETUNES"]

FINETUNES: dict[str, type[FinetuneStage]] = {
    "inter": Intermediate,
    "ft": MultiClass,
    "ft:one_class": OneClass,
    "ft:ssod": SSOD,
    "ft:outlier_exposure": OutlierExposure,
    "probe": Probe,
}
