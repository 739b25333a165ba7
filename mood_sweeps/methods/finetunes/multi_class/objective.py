"""Supervised fine-tuning: cross-entropy on augmented views, which may be mixed."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.methods.pretexts.classification.objective import ClassificationObjective
from mood_sweeps.training.augment.mixup_cutmix import mixed
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.augment.random_views import augment

__all__ = ["MultiClassObjective"]


class MultiClassObjective(ClassificationObjective):
    """Classification with a view and a mixing of its own.

    view: how an image is augmented. mixup, cutmix: see ``mixing.mixed``.
    """

    network: Any

    def __init__(
        self,
        network: Any,
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
