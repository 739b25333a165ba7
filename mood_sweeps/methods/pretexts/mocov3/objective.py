"""MoCo v3: views of an image predict each other's momentum keys (Chen et al. 2021, Alg. 1)."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from mood_sweeps.methods.pretexts.mocov3.declaration import MoCoV3
from mood_sweeps.methods.pretexts.objective import PretextObjective
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.timm_networks import feature_width
from mood_sweeps.training.augment.random_views import augment
from mood_sweeps.training.momentum import follow, rising_momentum

__all__ = ["MoCoV3Objective", "contrastive_loss"]


class MoCoV3Objective(PretextObjective[MoCoV3]):
    """Query encoder (network, projector, predictor) and a momentum copy without predictor.

    The patch embedding of a ViT is frozen at its random start, which stabilises training (§4 of the
    paper).
    """

    # The key encoder changes during training, and with it the targets.
    loss_may_rise_again: ClassVar[bool] = True

    network: Any

    def __init__(self, task: MoCoV3, network: Any, features: int) -> None:
        super().__init__()
        self.network = network
        self.projector = _mlp(features, task.hidden, task.projection, task.projector_layers)
        self.predictor = _mlp(task.projection, task.hidden, task.projection, 2)
        self.task = task
        if hasattr(network, "patch_embed"):
            network.patch_embed.requires_grad_(False)
        self.key_encoder = copy.deepcopy(self._query_encoder()).requires_grad_(False)

    @classmethod
    def of(
        cls,
        task: MoCoV3,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del classes, tokens
        return cls(task, network, feature_width(network, example))

    def _query_encoder(self) -> nn.Sequential:
        return nn.Sequential(self.network, self.projector)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the symmetric contrastive loss of a batch; labels are not used."""
        del labels
        form = self.network.description["input"]
        first, second = (augment(images, view, generator, form) for view in self.task.views())
        encoder = self._query_encoder()
        queries = [self.predictor(encoder(view)) for view in (first, second)]
        with torch.no_grad():
            keys = [self.key_encoder(view) for view in (first, second)]
        temperature = self.task.temperature
        first_loss = contrastive_loss(queries[0], keys[1], temperature)
        return first_loss + contrastive_loss(queries[1], keys[0], temperature)

    def after_step(self, progress: float) -> None:
        """Move the key encoder towards the query encoder; the momentum rises to 1 by a cosine."""
        follow(
            self.key_encoder,
            self._query_encoder(),
            rising_momentum(self.task.momentum, progress),
        )


def contrastive_loss(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return 2τ · cross-entropy of matching queries (N, D) to their own keys (N, D)."""
    similarity = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature
    own = torch.arange(len(queries), device=queries.device)
    return 2 * temperature * F.cross_entropy(similarity, own)


def _mlp(inputs: int, hidden: int, outputs: int, layers: int) -> nn.Sequential:
    widths = [inputs, *[hidden] * (layers - 1)]
    inner = [
        part
        for width in widths[:-1]
        for part in (nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())
    ]
    return nn.Sequential(
        *inner,
        nn.Linear(widths[-1], outputs, bias=False),
        nn.BatchNorm1d(outputs, affine=False),
    )
