"""The pretext tasks by the name that an experiment file uses."""

from __future__ import annotations

from typing import Any

from mood_sweeps.representations.pretexts.classification import Classification
from mood_sweeps.representations.pretexts.dino import Dino
from mood_sweeps.representations.pretexts.dinov2 import DinoV2
from mood_sweeps.representations.pretexts.mae import Mae
from mood_sweeps.representations.pretexts.mim import Mim
from mood_sweeps.representations.pretexts.mocov3 import MoCoV3
from mood_sweeps.representations.pretexts.random_weights import RandomWeights
from mood_sweeps.representations.pretexts.simmim import SimMim

__all__ = ["PRETEXTS"]

PRETEXTS: dict[str, type[Any]] = {
    "mim": Mim,
    "mae": Mae,
    "simmim": SimMim,
    "mocov3": MoCoV3,
    "dino": Dino,
    "dinov2": DinoV2,
    "classification": Classification,
    "random": RandomWeights,
}
