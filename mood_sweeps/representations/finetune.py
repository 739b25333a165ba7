"""Fine-tuning: a stage trains a checkpoint on, with the ID labels."""

from __future__ import annotations

from collections.abc import Callable

import torch

from mood_sweeps.bank import Ints
from mood_sweeps.choice import Choice
from mood_sweeps.datasets.image_set import LabelledImages
from mood_sweeps.representations.batches import Batches
from mood_sweeps.representations.checkpoint import Checkpoint
from mood_sweeps.representations.device import own_device
from mood_sweeps.representations.networks import build, features_of
from mood_sweeps.representations.objectives.classification import ClassificationObjective
from mood_sweeps.representations.pretrain import head_of, state_of
from mood_sweeps.representations.progress import Progress
from mood_sweeps.representations.reproducible import reproducible
from mood_sweeps.representations.training import Listener, train

__all__ = ["finetune"]

_KIND = "finetune"
_BATCH = 512
_SUMMARY = ("loss", "validation_accuracy")


def finetune(
    stage: Choice,
    checkpoint: Checkpoint,
    train_images: LabelledImages,
    validation: LabelledImages | None,
    seed: int,
    *,
    progress: Progress | None = None,
    listener: Listener | None = None,
) -> Checkpoint:
    """Return the checkpoint after fine-tuning all weights and a new head on ``train_images``.

    validation: its accuracy is recorded after each epoch and decides nothing. progress: see
    `train`. Reproducible as ``pretrain``. Raises StageFailed for a loss that is not finite.
    """
    recipe = stage.parameters
    form = checkpoint.architecture["input"]
    device = own_device()
    with reproducible(seed, _KIND):
        network = build(checkpoint.architecture)
        network.load_state_dict(checkpoint.weights)
        images = Batches(train_images, form, device)
        classes = len(train_images.class_names)
        width = features_of(network, images.take(torch.arange(min(2, len(images)))).cpu())
        objective = ClassificationObjective(network, width, classes, recipe.label_smoothing)
        trained = train(
            objective.to(device),
            images,
            torch.from_numpy(train_images.labels),
            recipe,
            seed=seed,
            kind=_KIND,
            progress=progress,
            listener=listener,
            measure=_accuracy(objective, Batches(validation, form, device), validation.labels)
            if validation
            else None,
        )
    last = trained.curves[-1]
    summary = {key: value for key, value in last.items() if key in _SUMMARY}
    return Checkpoint(
        checkpoint.architecture,
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
                objective.head(objective.network(images.take(part))).argmax(dim=1).cpu()
                for part in images.in_order(_BATCH)
            ]
        right = torch.cat(found) == torch.from_numpy(labels)
        return {"validation_accuracy": right.float().mean().item()}

    return measure
