"""Pretraining: a pretext task trains a backbone on a corpus."""

from __future__ import annotations

from typing import Any

import torch

from mood_sweeps.choice import Choice
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.decoder import decoder_of
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.methods.pretexts.random_weights.declaration import RandomWeights
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.build_network import build, describe
from mood_sweeps.networks.checkpoint import Checkpoint, state_of
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.torch_device import own_device
from mood_sweeps.networks.untrained_networks import make_images_differ, open_residual_branches
from mood_sweeps.training.learning_checks import weight_findings
from mood_sweeps.training.loop import Listener, train
from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup
from mood_sweeps.training.resume_state import ResumeState

__all__ = ["pretrain"]

_KIND = "pretrain"


def pretrain(
    pretext: Choice[Pretext],
    backbone: Choice[Backbone],
    corpus: LabelledImages | None,
    seed: int,
    *,
    tokenizer: Checkpoint | None = None,
    progress: ResumeState | None = None,
    listener: Listener | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Checkpoint:
    """Return the checkpoint of ``backbone`` trained from scratch by ``pretext`` on ``corpus``.

    corpus: None only for a task that uses none. tokenizer: for a task that predicts tokens.
    progress, group: see `train`. Equal arguments give equal bits on one machine and thread count,
    whatever ran before. Raises InputError for a missing corpus or a backbone that the task cannot
    train, StageFailed for a loss that is not finite.
    """
    task: Any = pretext.parameters
    if backbone.parameters.family not in task.families:
        raise InputError(
            f"pretext {pretext.name!r} trains backbones of family {' or '.join(task.families)}; "
            f"{backbone.name!r} is {backbone.parameters.family}"
        )
    if task.drops_patches and not backbone.parameters.can_drop_patches:
        raise InputError(
            f"pretext {pretext.name!r} feeds the backbone visible patches only; "
            f"{backbone.name!r} needs all of them"
        )
    architecture = describe(backbone)
    with reproducible(seed, _KIND):
        network = build(architecture)
        start = state_of(network)
        if isinstance(task, RandomWeights):
            open_residual_branches(network)
            findings = make_images_differ(network)
            return Checkpoint(architecture, state_of(network), findings=findings)
        if corpus is None:
            raise InputError(f"pretext {pretext.name!r} needs a corpus")
        device = own_device()
        images = BatchLoader(corpus, architecture["input"], device)
        example = images.take(torch.arange(min(2, len(images)))).cpu()
        tokens = None
        if tokenizer is not None:
            tokens = VisualTokens(tokenizer.architecture, architecture["input"])
            tokens.network.load_state_dict(tokenizer.weights)
        classes = len(corpus.class_names)
        names = [name for name, _ in network.named_parameters()]
        objective = objective_of(task, network, example, classes, tokens).to(device)
        trained = train(
            objective,
            images,
            torch.from_numpy(corpus.labels),
            task,
            seed=seed,
            kind=_KIND,
            progress=progress,
            listener=listener,
            group=group,
        )
    weights = state_of(objective.trained_network())
    return Checkpoint(
        architecture,
        weights,
        objective.trained_head(),
        trained.curves,
        {"loss": trained.curves[-1]["loss"]},
        trained.measured,
        decoder_of(pretext, objective, tokenizer),
        findings=(*trained.findings, *weight_findings(start, weights, names)),
    )
