"""Patches of images, and which of them are hidden."""

from __future__ import annotations

import torch

__all__ = ["patchify", "random_mask"]


def patchify(images: torch.Tensor, patch: int) -> torch.Tensor:
    """Return (N, L, patch²·C): the pixels of each patch, patches row by row."""
    count, channels, height, width = images.shape
    blocks = images.reshape(count, channels, height // patch, patch, width // patch, patch)
    return blocks.permute(0, 2, 4, 3, 5, 1).reshape(count, -1, patch**2 * channels)


def random_mask(count: int, patches: int, ratio: float, generator: torch.Generator) -> torch.Tensor:
    """Return bool (count, patches), True where hidden: round(ratio·patches) of each row, ≥ 1."""
    hidden = max(1, round(ratio * patches))
    order = torch.rand(count, patches, generator=generator).argsort(dim=1)
    return order < hidden
