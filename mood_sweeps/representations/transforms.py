"""Transforms: labelled uint8 images → the float tensor a network is fed."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.datasets.image_set import LabelledImages

__all__ = ["to_input"]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as PIL's mode L


def to_input(images: LabelledImages, form: dict[str, Any]) -> torch.Tensor:
    """Return float32 (N, channels, size, size), normalised; no randomness.

    form: the ``input`` part of a network's description (size, channels, mean, std). Colour becomes
    gray by luma or gray is repeated; the image is squashed to a square by antialiased bilinear
    interpolation.
    """
    pixels = torch.from_numpy(images.images.copy()).permute(0, 3, 1, 2).float() / 255
    pixels = _with_channels(pixels, form["channels"])
    size = form["size"]
    if pixels.shape[-2:] != (size, size):
        pixels = F.interpolate(
            pixels, size=(size, size), mode="bilinear", antialias=True, align_corners=False
        )
    mean = torch.tensor(form["mean"]).view(1, -1, 1, 1)
    std = torch.tensor(form["std"]).view(1, -1, 1, 1)
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def _with_channels(pixels: torch.Tensor, channels: int) -> torch.Tensor:
    if pixels.shape[1] == channels:
        return pixels
    if channels == 1:
        return (pixels * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return pixels.repeat(1, 3, 1, 1)
