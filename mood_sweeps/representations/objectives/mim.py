"""Masked image modelling: the pixels of hidden patches (as SimMIM and MAE)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mood_sweeps.representations.objectives.masks import patchify, random_mask
from mood_sweeps.representations.objectives.objective import Objective
from mood_sweeps.representations.pretexts.mim import Mim

__all__ = ["MimObjective", "masked_error", "patchify", "random_mask"]


class MimObjective(Objective):
    """A ViT, a mask token and a linear decoder.

    The mask token takes the place of a hidden patch's embedding right after ``patch_embed``, before
    positions are added; so it works for any timm ViT, whatever it adds later.
    """

    network: Any

    def __init__(self, network: Any, images: torch.Tensor, mask_ratio: float) -> None:
        super().__init__()
        self.network = network
        self.mask_ratio = mask_ratio
        self.patch = int(network.patch_embed.patch_size[0])
        with torch.no_grad():
            width = network.forward_features(images[:2]).shape[-1]
            embedded = network.patch_embed(images[:2]).shape[-1]
        self.mask_token = nn.Parameter(torch.empty(embedded))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.decoder = nn.Linear(width, self.patch**2 * images.shape[1])

    @classmethod
    def of(cls, task: Mim, network: nn.Module, example: torch.Tensor, classes: int) -> MimObjective:
        """Return the objective of a task; see ``catalogue.Make``."""
        del classes
        return cls(network, example, task.mask_ratio)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean squared error over hidden patches; labels are not looked at."""
        del labels
        targets = patchify(images, self.patch)
        hidden = random_mask(len(images), targets.shape[1], self.mask_ratio, generator)
        hidden = hidden.to(images.device)
        return masked_error(self.reconstruct(images, hidden), targets, hidden)

    def reconstruct(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return predicted patches (N, L, patch²·C) where ``hidden`` bool (N, L) is unseen."""

        def hide(_module: nn.Module, _inputs: object, tokens: torch.Tensor) -> torch.Tensor:
            # Some ViTs keep patches as a map (N, H, W, D) until positions are added.
            return torch.where(hidden.view(*tokens.shape[:-1], 1), self.mask_token, tokens)

        handle = self.network.patch_embed.register_forward_hook(hide)
        try:
            tokens = self.network.forward_features(images)
        finally:
            handle.remove()
        predicted: torch.Tensor = self.decoder(tokens[:, self.network.num_prefix_tokens :])
        return predicted


def masked_error(
    predicted: torch.Tensor, targets: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    """Return the mean squared error over hidden patches: (N, L, P), (N, L, P), bool (N, L)."""
    error = (predicted - targets).square().mean(dim=-1)
    weight = hidden.to(error.dtype)
    return (error * weight).sum() / weight.sum()
