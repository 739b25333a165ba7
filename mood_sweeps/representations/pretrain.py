"""Pretraining: a pretext task trains a backbone on a corpus."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mood_sweeps.bank import Head
from mood_sweeps.choice import Choice
from mood_sweeps.datasets.image_set import LabelledImages
from mood_sweeps.errors import InputError
from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.networks import build, describe, features_of
from mood_sweeps.representations.objectives.classification import ClassificationObjective
from mood_sweeps.representations.objectives.mim import MimObjective
from mood_sweeps.representations.objectives.mocov3 import MoCoV3Objective
from mood_sweeps.representations.objectives.objective import Objective
from mood_sweeps.representations.pretexts import Classification, Mim, MoCoV3, RandomWeights
from mood_sweeps.representations.reproducible import reproducible
from mood_sweeps.representations.training import Listener, train
from mood_sweeps.representations.transforms import to_input

__all__ = ["head_of", "pretrain", "state_of"]

_KIND = "pretrain"


def pretrain(
    pretext: Choice,
    backbone: Choice,
    corpus: LabelledImages | None,
    seed: int,
    listener: Listener | None = None,
) -> Checkpoint:
    """Return the checkpoint of ``backbone`` trained from scratch by ``pretext`` on ``corpus``.

    corpus: None only for a pretext that uses none. Equal arguments give equal bits on one machine
    and thread count, whatever ran before. Raises InputError for a missing corpus or a backbone the
    pretext cannot train, StageFailed for a loss that is not finite.
    """
    task: Any = pretext.parameters
    if backbone.parameters.family not in task.families:
        raise InputError(
            f"pretext {pretext.name!r} trains backbones of family {' or '.join(task.families)}; "
            f"{backbone.name!r} is {backbone.parameters.family}"
        )
    architecture = describe(backbone)
    with reproducible(seed, _KIND):
        network = build(architecture)
        if isinstance(task, RandomWeights):
            return Checkpoint(architecture, state_of(network))
        if corpus is None:
            raise InputError(f"pretext {pretext.name!r} needs a corpus")
        images = to_input(corpus, architecture["input"])
        objective = _objective(task, network, images, len(corpus.class_names))
        labels = torch.from_numpy(corpus.labels)
        curves = train(objective, images, labels, task, seed=seed, kind=_KIND, listener=listener)
    return Checkpoint(
        architecture,
        state_of(network),
        head_of(objective),
        curves,
        {"loss": curves[-1]["loss"]},
    )


def _objective(task: Any, network: nn.Module, images: torch.Tensor, classes: int) -> Objective:
    match task:
        case Mim():
            return MimObjective(network, images, task.mask_ratio)
        case MoCoV3():
            return MoCoV3Objective(
                network,
                features_of(network, images),
                hidden=task.hidden,
                projection=task.projection,
                temperature=task.temperature,
                momentum=task.momentum,
            )
        case Classification():
            return ClassificationObjective(
                network, features_of(network, images), classes, task.label_smoothing
            )
    raise TypeError(f"no objective is written for {type(task).__name__}")


def state_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a network's state, contiguous as files need it."""
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }


def head_of(objective: nn.Module) -> Head | None:
    """Return the linear head an objective trained, if it has one."""
    head = getattr(objective, "head", None)
    if not isinstance(head, nn.Linear):
        return None
    return Head(head.weight.detach().numpy().copy(), head.bias.detach().numpy().copy())
