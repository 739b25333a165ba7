"""Classification: cross-entropy of a linear head on the pooled features."""

from __future__ import annotations

from typing import Self

import torch
from torch import nn

from mood_sweeps.methods.pretexts.classification.declaration import Classification
from mood_sweeps.methods.pretexts.objective import PretextObjective
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.timm_networks import feature_width
from mood_sweeps.training.classifier import ClassifierObjective

__all__ = ["ClassificationObjective"]


class ClassificationObjective(ClassifierObjective, PretextObjective[Classification]):
    """A classifier of the corpus' classes."""

    @classmethod
    def of(
        cls,
        task: Classification,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del tokens
        return cls(network, feature_width(network, example), classes, task.label_smoothing)
