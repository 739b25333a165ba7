"""SimMIM: a linear layer predicts the pixels of hidden squares (Xie et al. 2022, §3)."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import nn

from mood_sweeps.methods.pretexts.masked.encoding import encode_with_mask_token
from mood_sweeps.methods.pretexts.masked.masks import patchify, random_mask
from mood_sweeps.methods.pretexts.masked.reconstruction import Reconstructing
from mood_sweeps.methods.pretexts.simmim.declaration import SimMim
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.training.augment.random_views import augment

__all__ = ["SimMimObjective", "random_squares"]


class SimMimObjective(Reconstructing[SimMim]):
    """A ViT, a mask token and a linear decoder; squares of several patches are hidden at once."""

    network: Any

    def __init__(self, task: SimMim, network: Any, images: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.task, self.mask_ratio = task, task.mask_ratio
        self.patch = int(network.patch_embed.patch_size[0])
        self.square = max(1, round(task.mask_patch_size / self.patch))
        self.side = images.shape[-1] // self.patch
        self.mask_token = nn.Parameter(torch.empty(network.embed_dim))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.decoder = nn.Linear(network.num_features, self.patch**2 * images.shape[1])

    @classmethod
    def of(
        cls,
        task: SimMim,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del classes, tokens
        return cls(task, network, example)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean absolute error over hidden pixels; labels are not used."""
        del labels
        (view,) = self.task.views()
        images = augment(images, view, generator, self.network.description["input"])
        ratio = self.task.mask_ratio
        hidden = random_squares(len(images), self.side, self.square, ratio, generator)
        hidden = hidden.to(images.device)
        targets = patchify(images, self.patch)
        return (self.pixels(images, hidden) - targets).abs()[hidden].mean()

    def pixels(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return predicted pixels; see `Reconstructing`."""
        tokens = encode_with_mask_token(self.network, images, hidden, self.mask_token)
        predicted: torch.Tensor = self.decoder(tokens)
        return predicted


def random_squares(
    count: int, side: int, square: int, ratio: float, generator: torch.Generator
) -> torch.Tensor:
    """Return bool (count, side²), True where hidden: whole squares of ``square``² patches.

    side: patches along a side of the image; the mask holds them row by row. The share ``ratio`` of
    the squares is hidden as in `random_mask`; the last squares of a row or column may be
    cut.
    """
    across = -(-side // square)
    hidden = random_mask(count, across**2, ratio, generator).view(count, across, across)
    patches = hidden.repeat_interleave(square, dim=1).repeat_interleave(square, dim=2)
    return patches[:, :side, :side].reshape(count, -1)
