"""Fine-tuning: a stage trains a checkpoint on, with the ID labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from mood_sweeps.choice import Choice
from mood_sweeps.datasets.image_set import LabelledImages
from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.networks import build, features_of
from mood_sweeps.representations.objectives.classification import ClassificationObjective
from mood_sweeps.representations.pretrain import head_of, state_of
from mood_sweeps.representations.reproducible import reproducible
from mood_sweeps.representations.training import Listener, train
from mood_sweeps.representations.transforms import to_input

__all__ = ["finetune"]

_KIND = "finetune"
_SUMMARY = ("loss", "validation_accuracy")


def finetune(
    stage: Choice,
    checkpoint: Checkpoint,
    train_images: LabelledImages,
    validation: LabelledImages | None,
    seed: int,
    listener: Listener | None = None,
) -> Checkpoint:
    """Return the checkpoint after fine-tuning all weights and a new head on ``train_images``.

    validation: its accuracy is recorded after each epoch and decides nothing. Reproducible as
    ``pretrain``. Raises StageFailed for a loss that is not finite.
    """
    recipe = stage.parameters
    form = checkpoint.architecture["input"]
    with reproducible(seed, _KIND):
        network = build(checkpoint.architecture)
        network.load_state_dict(checkpoint.weights)
        images = to_input(train_images, form)
        classes = len(train_images.class_names)
        objective = ClassificationObjective(
            network, features_of(network, images), classes, recipe.label_smoothing
        )
        curves = train(
            objective,
            images,
            torch.from_numpy(train_images.labels),
            recipe,
            seed=seed,
            kind=_KIND,
            listener=listener,
            measure=_accuracy(objective, validation, form) if validation else None,
        )
    last = curves[-1]
    summary = {key: value for key, value in last.items() if key in _SUMMARY}
    return Checkpoint(
        checkpoint.architecture, state_of(network), head_of(objective), curves, summary
    )


def _accuracy(
    objective: ClassificationObjective, validation: LabelledImages, form: dict[str, Any]
) -> Callable[[], dict[str, float]]:
    images, labels = to_input(validation, form), torch.from_numpy(validation.labels)

    def measure() -> dict[str, float]:
        with torch.no_grad():
            predicted = objective.head(objective.network(images)).argmax(dim=1)
        return {"validation_accuracy": (predicted == labels).float().mean().item()}

    return measure
