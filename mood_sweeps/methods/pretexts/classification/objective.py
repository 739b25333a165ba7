"""Classification: cross-entropy of a linear head on the pooled features."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.methods.pretexts.classification.declaration import Classification
from mood_sweeps.networks.timm_networks import features_of
from mood_sweeps.training.augment.random_views import random_view
from mood_sweeps.training.objective import Objective

__all__ = ["ClassificationObjective", "new_head"]


class ClassificationObjective(Objective):
    """Network and a new head; the loss is cross-entropy with label smoothing on one random view."""

    def __init__(self, network: nn.Module, features: int, classes: int, smoothing: float) -> None:
        super().__init__()
        self.network = network
        self.head = new_head(features, classes)
        self.smoothing = smoothing

    @classmethod
    def of(
        cls, task: Classification, network: nn.Module, example: torch.Tensor, classes: int
    ) -> ClassificationObjective:
        """Return the objective of a task; see ``catalogue.Make``."""
        return cls(network, features_of(network, example), classes, task.label_smoothing)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean loss of a batch: images (N, C, S, S), labels int64 (N,)."""
        logits = self.head(self.network(random_view(images, generator)))
        return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)


def new_head(features: int, outputs: int) -> nn.Linear:
    """Return a linear head that starts close to zero, as ViTs' do."""
    head = nn.Linear(features, outputs)
    nn.init.trunc_normal_(head.weight, std=0.02)
    nn.init.zeros_(head.bias)
    return head
