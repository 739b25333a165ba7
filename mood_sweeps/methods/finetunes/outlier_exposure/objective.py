"""Outlier exposure: classify ID images, with uncertain predictions for known OOD images."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods.finetunes.multi_class.objective import MultiClassObjective
from mood_sweeps.methods.finetunes.outlier_exposure.declaration import OutlierExposure
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.methods.finetunes.train_supervised import train_supervised
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.torch_device import own_device
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.augment.random_views import augment

__all__ = ["OutlierExposureObjective", "train", "uniform_cross_entropy"]


def train(inputs: FinetuneInputs[OutlierExposure]) -> Checkpoint:
    """Return the checkpoint after training on the ID classes and on the exposed OOD images."""
    task = inputs.parameters
    form = inputs.checkpoint.architecture["input"]
    exposed = BatchLoader(inputs.exposed, form, own_device()) if inputs.exposed else None
    return train_supervised(
        inputs,
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


class OutlierExposureObjective(MultiClassObjective):
    """Classification with a second loss on OOD images (Hendrycks et al. 2019, Eq. 1).

    L = CE(ID images, their labels) + weight · CE(uniform, OOD images). A step uses as many OOD
    images as ID images, drawn without repeats, or all OOD images if there are fewer. Both form one
    batch, as in the authors' code, so BatchNorm's statistics are over both. Without OOD images, or
    with weight 0, it is plain classification to the bit.
    """

    def __init__(
        self,
        network: Any,
        features: int,
        classes: int,
        smoothing: float,
        *,
        view: Augmentation,
        exposed: BatchLoader | None,
        weight: float,
    ) -> None:
        super().__init__(network, features, classes, smoothing, view=view)
        self.exposed, self.weight = exposed, weight

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean loss of a batch: images (N, C, S, S), labels int64 (N,)."""
        if self.exposed is None or self.weight == 0:
            return super().forward(images, labels, generator)
        chosen = torch.randperm(len(self.exposed), generator=generator)[: len(images)]
        together = torch.cat([images, self.exposed.take(chosen)])
        views = augment(together, self.view, generator, self.network.description["input"])
        logits = self.head(self.network(views))
        known, unknown = logits[: len(images)], logits[len(images) :]
        loss = F.cross_entropy(known, labels, label_smoothing=self.smoothing)
        return loss + self.weight * uniform_cross_entropy(unknown)


def uniform_cross_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Return the mean of −Σ_c log p_c / C over images, p = softmax(logits), logits (N, C)."""
    return (logits.logsumexp(dim=1) - logits.mean(dim=1)).mean()
