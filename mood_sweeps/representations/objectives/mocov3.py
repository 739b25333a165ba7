"""MoCo v3: views of an image predict each other's momentum keys (Chen et al. 2021, Alg. 1)."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.representations.augment import random_view
from mood_sweeps.representations.networks import features_of
from mood_sweeps.representations.objectives.objective import Objective
from mood_sweeps.representations.pretexts.mocov3 import MoCoV3

__all__ = ["MoCoV3Objective", "contrast"]


class MoCoV3Objective(Objective):
    """Query encoder (network, projector, predictor) and a momentum copy without predictor.

    The patch embedding of a ViT is frozen at its random start, which the paper found to stabilise
    training (its §4).
    """

    def __init__(
        self,
        network: Any,
        features: int,
        *,
        hidden: int,
        projection: int,
        temperature: float,
        momentum: float,
    ) -> None:
        super().__init__()
        self.network = network
        self.projector = _mlp(features, hidden, projection)
        self.predictor = _mlp(projection, hidden, projection)
        self.temperature = temperature
        self.momentum = momentum
        if hasattr(network, "patch_embed"):
            network.patch_embed.requires_grad_(False)
        self.key_encoder = copy.deepcopy(self._query_encoder()).requires_grad_(False)

    @classmethod
    def of(
        cls, task: MoCoV3, network: nn.Module, example: torch.Tensor, classes: int
    ) -> MoCoV3Objective:
        """Return the objective of a task; see ``catalogue.Make``."""
        del classes
        return cls(
            network,
            features_of(network, example),
            hidden=task.hidden,
            projection=task.projection,
            temperature=task.temperature,
            momentum=task.momentum,
        )

    def _query_encoder(self) -> nn.Sequential:
        return nn.Sequential(self.network, self.projector)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the symmetric contrastive loss of a batch; labels are not looked at."""
        del labels
        first, second = (
            random_view(images, generator, scale=(0.85, 1.1), shift=0.1, turn=0.2, contrast=0.3)
            for _ in range(2)
        )
        encoder = self._query_encoder()
        queries = [self.predictor(encoder(view)) for view in (first, second)]
        with torch.no_grad():
            keys = [self.key_encoder(view) for view in (first, second)]
        return contrast(queries[0], keys[1], self.temperature) + contrast(
            queries[1], keys[0], self.temperature
        )

    def after_step(self, progress: float) -> None:
        """Move the key encoder towards the query encoder; the momentum rises to 1 by a cosine."""
        momentum = 1 - (1 - self.momentum) * (math.cos(math.pi * progress) + 1) / 2
        with torch.no_grad():
            queries = self._query_encoder().parameters()
            for key, query in zip(self.key_encoder.parameters(), queries, strict=True):
                key.lerp_(query, 1 - momentum)


def contrast(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return 2τ · cross-entropy of each query (N, D) finding its own key (N, D) in the batch."""
    similarity = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature
    own = torch.arange(len(queries), device=queries.device)
    return 2 * temperature * F.cross_entropy(similarity, own)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs, bias=False),
        nn.BatchNorm1d(outputs, affine=False),
    )
