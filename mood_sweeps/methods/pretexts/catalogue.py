"""The pretext tasks by the name that an experiment file uses."""

from __future__ import annotations

from mood_sweeps.methods.pretexts.classification.declaration import Classification
from mood_sweeps.methods.pretexts.dino.declaration import Dino
from mood_sweeps.methods.pretexts.dinov2.declaration import DinoV2
from mood_sweeps.methods.pretexts.mae.declaration import Mae
from mood_sweeps.methods.pretexts.mim.declaration import Mim
from mood_sweeps.methods.pretexts.mocov3.declaration import MoCoV3
from mood_sweeps.methods.pretexts.random_weights.declaration import RandomWeights
from mood_sweeps.methods.pretexts.simmim.declaration import SimMim
from mood_sweeps.methods.pretexts.task import Pretext

__all__ = ["PRETEXTS"]

PRETEXTS: dict[str, type[Pretext]] = {
    "mim": Mim,
    "mae": Mae,
    "simmim": SimMim,
    "mocov3": MoCoV3,
    "dino": Dino,
    "dinov2": DinoV2,
    "classification": Classification,
    "random": RandomWeights,
}
