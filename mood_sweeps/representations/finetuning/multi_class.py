"""Supervised fine-tuning: all weights and a new head are trained on the ID classes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from mood_sweeps.bank import Ints
from mood_sweeps.representations.batches import Batches
from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.device import own_device
from mood_sweeps.representations.finetuning.tuning import Tuning
from mood_sweeps.representations.networks import build, features_of
from mood_sweeps.representations.objectives.classification import ClassificationObjective
from mood_sweeps.representations.pretrain import head_of, state_of
from mood_sweeps.representations.reproducible import reproducible
from mood_sweeps.representations.training import train

__all__ = ["train_classifier"]

_KIND = "finetune"
_BATCH = 512
_SUMMARY = ("loss", "validation_accuracy")


def train_classifier(tuning: Tuning) -> Checkpoint:
    """Return the checkpoint after training all weights and a new head by cross-entropy.

    The validation accuracy is recorded after each epoch.
    """
    recipe, validation = tuning.parameters, tuning.validation
    architecture = tuning.checkpoint.architecture
    form = architecture["input"]
    device = own_device()
    with reproducible(tuning.seed, _KIND):
        network = build(architecture)
        network.load_state_dict(tuning.checkpoint.weights)
        images = Batches(tuning.images, form, device)
        classes = len(tuning.images.class_names)
        width = features_of(network, images.take(torch.arange(min(2, len(images)))).cpu())
        objective = ClassificationObjective(network, width, classes, recipe.label_smoothing)
        trained = train(
            objective.to(device),
            images,
            torch.from_numpy(tuning.images.labels),
            recipe,
            seed=tuning.seed,
            kind=_KIND,
            progress=tuning.progress,
            listener=tuning.listener,
            measure=_accuracy(objective, Batches(validation, form, device), validation.labels)
            if validation
            else None,
        )
    last = trained.curves[-1]
    summary = {key: value for key, value in last.items() if key in _SUMMARY}
    return Checkpoint(
        architecture,
        state_of(network),
        head_of(objective),
        trained.curves,
        summary,
        trained.measured,
    )


def _accuracy(
    objective: ClassificationObjective, images: Batches, labels: Ints
) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        with torch.no_grad():
            found = [
                objective.head(objective.network(some)).argmax(dim=1).cpu()
                for some in images.stream(images.in_order(_BATCH))
            ]
        right = torch.cat(found) == torch.from_numpy(labels)
        return {"validation_accuracy": right.float().mean().item()}

    return measure
