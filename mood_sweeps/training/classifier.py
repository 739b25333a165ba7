"""A network with a linear head, trained by cross-entropy; and that head as arrays."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.bank import Head
from mood_sweeps.training.augment.random_views import random_view
from mood_sweeps.training.objective import Objective

__all__ = ["ClassifierObjective", "linear_head", "new_head"]


class ClassifierObjective(Objective):
    """Network and a new head; the loss is cross-entropy with label smoothing on one random view.

    features: width D of the pooled features. classes: number of outputs of the head.
    """

    network: Any

    def __init__(self, network: nn.Module, features: int, classes: int, smoothing: float) -> None:
        super().__init__()
        self.network = network
        self.head = new_head(features, classes)
        self.smoothing = smoothing

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean loss of a batch: images (N, C, S, S), labels int64 (N,)."""
        logits = self.head(self.network(random_view(images, generator)))
        return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)

    def trained_head(self) -> Head:
        """Return the classifier."""
        return linear_head(self.head)


def new_head(features: int, outputs: int) -> nn.Linear:
    """Return a linear head that starts close to zero, as heads of ViTs do."""
    head = nn.Linear(features, outputs)
    nn.init.trunc_normal_(head.weight, std=0.02)
    nn.init.zeros_(head.bias)
    return head


def linear_head(head: nn.Linear, detector: nn.Linear | None = None) -> Head:
    """Return a copy of a head as arrays; detector: a layer (1, D) that detects OOD images."""
    weight, bias = (part.detach().cpu().numpy().copy() for part in (head.weight, head.bias))
    if detector is None:
        return Head(weight, bias)
    parts = torch.cat([detector.weight[0], detector.bias]).detach().cpu().numpy()
    return Head(weight, bias, parts)
