"""Every method of the catalogues on every nano backbone that it takes, on a few images."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from mood_sweeps.choice import Choice, choose
from mood_sweeps.data import image_set
from mood_sweeps.methods import FINETUNES, PRETEXTS, choose_finetune
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.methods.pretexts.task import Pretext, PretextTask
from mood_sweeps.networks import BACKBONES, choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint

DIGITS = image_set("digits:0-5")
CORPUS = DIGITS.open("train")
FEW = CORPUS.take(np.arange(50))
"""Two batches and a rest."""
BATCH = 24

REQUIRED: dict[str, dict[str, Any]] = {"ft:outlier_exposure": {"exposed": "textures", "k": 2}}
"""Parameters without defaults, by the name of the stage."""

TRAINABLE = [
    (name, backbone)
    for name, kind in PRETEXTS.items()
    if issubclass(kind, PretextTask)
    for backbone, network in BACKBONES.items()
    if network.family in kind.families and (network.can_drop_patches or not kind.drops_patches)
]
"""Every pretext task that is trained, with every nano backbone that the planner lets it train."""

STAGES = list(FINETUNES)


def task_of(pretext: str, **parameters: Any) -> Choice[Pretext]:
    """Return a pretext task for a few small steps."""
    return choose({pretext: {"epochs": 2, "batch_size": BATCH, **parameters}}, PRETEXTS, "pretext")


def stage_of(name: str, **parameters: Any) -> Choice[FinetuneStage]:
    """Return a fine-tuning stage for a few small steps."""
    own = {field.name for field in dataclasses.fields(FINETUNES[name])}
    small = {"epochs": 2, "batch_size": BATCH} if "epochs" in own else {}
    (stage,) = choose_finetune({f"pt+{name}": {name: small | REQUIRED.get(name, {}) | parameters}})
    return stage


def untrained(backbone: str, seed: int = 0) -> Checkpoint:
    """Return a nano backbone with random weights."""
    return pretrain(choose("random", PRETEXTS, "pretext"), choose_backbone(backbone), None, seed)


def same_weights(first: Checkpoint, second: Checkpoint) -> bool:
    """Whether two checkpoints have the same weights, to the bit."""
    return first.weights.keys() == second.weights.keys() and all(
        torch.equal(first.weights[name], second.weights[name]) for name in first.weights
    )
