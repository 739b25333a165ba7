"""The fine-tuning stages by the name that an experiment file uses."""

from __future__ import annotations

from typing import Any

from mood_sweeps.representations.finetunes.multi_class import MultiClass
from mood_sweeps.representations.finetunes.probe import Probe

__all__ = ["FINETUNES"]

FINETUNES: dict[str, type[Any]] = {
    "ft": MultiClass,
    "probe": Probe,
}
