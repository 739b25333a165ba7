"""Supervised fine-tuning: cross-entropy on augmented and possibly mixed views."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.methods.finetunes.multi_class.declaration import MultiClass
from mood_sweeps.methods.finetunes.stage_inputs import FinetuneInputs
from mood_sweeps.methods.finetunes.train_supervised import train_supervised
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.training.augment.mixup_cutmix import mixed
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.augment.random_views import augment
from mood_sweeps.training.classifier import ClassifierObjective

__all__ = ["MultiClassObjective", "train"]


def train(inputs: FinetuneInputs[MultiClass]) -> Checkpoint:
    """Return the checkpoint after training on all classes by cross-entropy."""
    task = inputs.parameters
    return train_supervised(
        inputs,
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


class MultiClassObjective(ClassifierObjective):
    """Classification with declared augmentation and mixing.

    view: how an image is augmented. mixup, cutmix: see ``mixup_cutmix.mixed``.
    """

    def __init__(
        self,
        network: nn.Module,
        features: int,
        classes: int,
        smoothing: float,
        *,
        view: Augmentation,
        mixup: float = 0.0,
        cutmix: float = 0.0,
    ) -> None:
        super().__init__(network, features, classes, smoothing)
        self.view, self.mixup, self.cutmix = view, mixup, cutmix

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean loss of a batch: images (N, C, S, S), labels int64 (N,)."""
        views = augment(images, self.view, generator, self.network.description["input"])
        targets = labels
        if self.mixup or self.cutmix:
            targets = F.one_hot(labels, self.head.out_features).to(views.dtype)
            views, targets = mixed(views, targets, self.mixup, self.cutmix, generator)
        logits = self.head(self.network(views))
        return F.cross_entropy(logits, targets, label_smoothing=self.smoothing)
