"""Supervised fine-tuning: all weights and a new head are trained on the ID labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from mood_sweeps.bank import Ints
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.errors import StageFailed
from mood_sweeps.methods.finetunes.multi_class.objective import MultiClassObjective
from mood_sweeps.methods.finetunes.outlier_exposure.objective import OutlierExposureObjective
from mood_sweeps.methods.finetunes.ssod.objective import SSODObjective
from mood_sweeps.methods.finetunes.stage_inputs import Finetuning
from mood_sweeps.methods.finetunes.supervised_objective import FinetuningObjective
from mood_sweeps.methods.pretexts.pretrain import head_of
from mood_sweeps.networks.checkpoint import Checkpoint, state_of
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import build, features_of
from mood_sweeps.networks.torch_device import own_device
from mood_sweeps.training.layer_decay import layer_rates
from mood_sweeps.training.learning_checks import accuracy_findings, weight_findings
from mood_sweeps.training.loop import train
from mood_sweeps.training.objective import Objective

__all__ = ["train_classifier", "train_one_class", "train_outlier_exposure", "train_ssod"]

_KIND = "finetune"
_BATCH = 512
_SUMMARY = ("loss", "validation_accuracy")


Make = Callable[[nn.Module, int, int], Objective]
"""(network, width D of its features, classes of the ID set) → what is to be trained."""


def train_classifier(given: Finetuning) -> Checkpoint:
    """Return the checkpoint after training on all ID classes by cross-entropy."""
    task = given.parameters
    return _trained(
        given,
        lambda network, width, classes: MultiClassObjective(
            network,
            width,
            classes,
            task.label_smoothing,
            view=task.view(),
            mixup=task.mixup,
            cutmix=task.cutmix,
        ),
    )


def train_one_class(given: Finetuning) -> Checkpoint:
    """Return the checkpoint after training with a head of more outputs than there are classes.

    Raises StageFailed if there are more classes than outputs.
    """
    task = given.parameters

    def make(network: nn.Module, width: int, classes: int) -> Objective:
        if classes > task.outputs:
            raise StageFailed(f"outputs is {task.outputs}, and the ID set has {classes} classes")
        return MultiClassObjective(
            network, width, task.outputs, task.label_smoothing, view=task.view()
        )

    return _trained(given, make)


def train_outlier_exposure(given: Finetuning) -> Checkpoint:
    """Return the checkpoint after training on the ID classes with OOD images beside them."""
    task = given.parameters
    form = given.checkpoint.architecture["input"]
    exposed = BatchLoader(given.exposed, form, own_device()) if given.exposed else None
    return _trained(
        given,
        lambda network, width, classes: OutlierExposureObjective(
            network,
            width,
            classes,
            task.label_smoothing,
            view=task.view(),
            exposed=exposed,
            weight=task.weight,
        ),
    )


def train_ssod(given: Finetuning) -> Checkpoint:
    """Return the checkpoint after training classifier and detector together."""
    task = given.parameters
    return _trained(
        given,
        lambda network, width, classes: SSODObjective(
            network,
            width,
            classes,
            alpha=task.alpha,
            gamma=task.gamma,
            smoothing=task.label_smoothing,
        ),
    )


def _trained(given: Finetuning, make: Make) -> Checkpoint:
    """Train the objective that ``make`` returns; its ``head`` is the classifier.

    The validation accuracy of what would be published is recorded every epoch.
    """
    recipe, validation = given.parameters, given.validation
    architecture = given.checkpoint.architecture
    form = architecture["input"]
    device = own_device()
    with reproducible(given.seed, _KIND):
        network = build(architecture, recipe.drop_path)
        network.load_state_dict(given.checkpoint.weights)
        names = [name for name, _ in network.named_parameters()]
        images = BatchLoader(given.images, form, device)
        classes = len(given.images.class_names)
        width = features_of(network, images.take(torch.arange(min(2, len(images)))).cpu())
        objective = FinetuningObjective(
            make(network, width, classes), drops_paths=recipe.drop_path > 0, ema=recipe.ema
        ).to(device)
        published = objective.published()
        trained = train(
            objective,
            images,
            torch.from_numpy(given.images.labels),
            recipe,
            seed=given.seed,
            kind=_KIND,
            progress=given.progress,
            listener=given.listener,
            measure=_accuracy(published, BatchLoader(validation, form, device), validation.labels)
            if validation
            else None,
            rates=layer_rates(network, recipe.layer_decay),
            group=given.group,
        )
    last = trained.curves[-1]
    summary = {key: value for key, value in last.items() if key in _SUMMARY}
    weights = state_of(published.network)
    findings = (
        *trained.findings,
        *accuracy_findings(
            summary.get("validation_accuracy"), validation.labels if validation else None
        ),
        *weight_findings(given.checkpoint.weights, weights, names),
    )
    return Checkpoint(
        architecture,
        weights,
        head_of(published),
        trained.curves,
        summary,
        trained.measured,
        findings=findings,
    )


def _accuracy(published: Any, images: BatchLoader, labels: Ints) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        with torch.no_grad():
            found = [
                published.head(published.network(some)).argmax(dim=1).cpu()
                for some in images.stream(images.in_order(_BATCH))
            ]
        right = torch.cat(found) == torch.from_numpy(labels)
        return {"validation_accuracy": right.float().mean().item()}

    return measure
