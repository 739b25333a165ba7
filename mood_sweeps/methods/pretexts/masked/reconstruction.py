"""Reconstruction of whole images from a masked pretext task's predictions of hidden patches."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch

from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.masked.masks import complementary_masks, patchify, unpatchify
from mood_sweeps.methods.pretexts.objective import PretextObjective, T

__all__ = ["Reconstructing"]


class Reconstructing(PretextObjective[T]):
    """An objective that predicts the pixels of hidden patches.

    mask_ratio: of training. patch: side of a patch in pixels. square: side of the
    squares that are hidden as a whole, in patches.
    """

    network: Any
    mask_ratio: float
    patch: int
    square: int = 1

    @abstractmethod
    def pixels(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return (N, L, patch²·C), normalised as images are; ``hidden``: bool (N, L).

        Predictions for visible patches are ignored. Every row hides the same number.
        """

    def reconstruct(self, images: torch.Tensor, seed: int) -> torch.Tensor:
        """Return images (N, C, S, S) in which each patch is predicted from others.

        The masks (see `complementary_masks`) hide each patch equally often and about as many at
        once as in training. If a patch is hidden more than once, its predictions are averaged. All
        images have the same masks, drawn by ``seed``. Raises InputError for images of one patch.
        """
        side = images.shape[-1] // self.patch
        across = -(-side // self.square)
        if across < 2:
            raise InputError("images that are hidden as a whole cannot be reconstructed")
        masks = complementary_masks(across**2, self.mask_ratio, seed).view(-1, across, across)
        masks = masks.repeat_interleave(self.square, 1).repeat_interleave(self.square, 2)
        masks = masks[:, :side, :side].reshape(len(masks), 1, -1).to(images.device)
        total = torch.zeros_like(patchify(images, self.patch))
        for mask in masks:
            hidden = mask.expand(len(images), -1)
            total += self.pixels(images, hidden).float() * hidden[..., None]
        return unpatchify(total / masks.sum(dim=0)[..., None], self.patch, images.shape[1])
