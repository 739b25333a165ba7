"""Supervised fine-tuning: all weights and a new head are trained on the ID labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from mood_sweeps.bank import Ints
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.methods.finetunes.supervised_objective import FinetuningObjective
from mood_sweeps.methods.finetunes.supervised_stage import Supervised
from mood_sweeps.networks.build_network import build
from mood_sweeps.networks.checkpoint import Checkpoint, state_of
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import feature_width
from mood_sweeps.networks.torch_device import own_device
from mood_sweeps.training.learning_checks import accuracy_findings, weight_findings
from mood_sweeps.training.loop import train
from mood_sweeps.training.objective import Objective
from mood_sweeps.training.optimiser_step import layer_rates

__all__ = ["Make", "train_supervised"]

_KIND = "finetune"
_BATCH = 512
_SUMMARY = ("loss", "validation_accuracy")


Make = Callable[[nn.Module, int, int], Objective]
"""(network, width D of its features, number of classes of the ID set) → the objective."""


def train_supervised(inputs: FinetuneInputs[Supervised], make: Make) -> Checkpoint:
    """Return the checkpoint after training the objective that ``make`` returns.

    The validation accuracy of the published weights (see `ema`) is recorded every epoch.
    """
    recipe, validation = inputs.parameters, inputs.validation
    architecture = inputs.checkpoint.architecture
    form = architecture["input"]
    device = own_device()
    with reproducible(inputs.seed, _KIND):
        network = build(architecture, recipe.drop_path)
        network.load_state_dict(inputs.checkpoint.weights)
        names = [name for name, _ in network.named_parameters()]
        images = BatchLoader(inputs.images, form, device)
        classes = len(inputs.images.class_names)
        width = feature_width(network, images.take(torch.arange(min(2, len(images)))).cpu())
        objective = FinetuningObjective(
            make(network, width, classes), drops_paths=recipe.drop_path > 0, ema=recipe.ema
        ).to(device)
        published = objective.published()
        trained = train(
            objective,
            images,
            torch.from_numpy(inputs.images.labels),
            recipe,
            seed=inputs.seed,
            kind=_KIND,
            progress=inputs.progress,
            listener=inputs.listener,
            measure=_accuracy(published, BatchLoader(validation, form, device), validation.labels)
            if validation
            else None,
            rates=layer_rates(network, recipe.layer_decay),
            group=inputs.group,
        )
    last = trained.curves[-1]
    summary = {key: value for key, value in last.items() if key in _SUMMARY}
    weights = state_of(published.network)
    findings = (
        *trained.findings,
        *accuracy_findings(
            summary.get("validation_accuracy"), validation.labels if validation else None
        ),
        *weight_findings(inputs.checkpoint.weights, weights, names),
    )
    return Checkpoint(
        architecture,
        weights,
        objective.trained_head(),
        trained.curves,
        summary,
        trained.measured,
        findings=findings,
    )


def _accuracy(published: Any, images: BatchLoader, labels: Ints) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        with torch.no_grad():
            predicted = [
                published.head(published.network(batch)).argmax(dim=1).cpu()
                for batch in images.stream(images.in_order(_BATCH))
            ]
        right = torch.cat(predicted) == torch.from_numpy(labels)
        return {"validation_accuracy": right.float().mean().item()}

    return measure
