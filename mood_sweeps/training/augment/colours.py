"""Colour changes of a batch: as torchvision changes one image, for many images at once.

Images are float (N, C, H, W) with C of 1 or 3 and values in [0, 1]; factors are (N,). Changes of
saturation and hue return gray images as they are.
"""

from __future__ import annotations

import torch

__all__ = [
    "change_brightness",
    "change_contrast",
    "change_saturation",
    "solarise",
    "to_gray",
    "turn_hue",
]

_LUMA = (0.2989, 0.587, 0.114)  # as torchvision rounds ITU-R BT.601


def change_brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return ``images`` times their factor."""
    return (images * _per_image(factor)).clamp(0, 1)


def change_contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return ``images`` with the distance to their mean gray times their factor."""
    mean_gray = to_gray(images).mean(dim=(1, 2, 3), keepdim=True)
    return _blend(images, mean_gray, factor)


def change_saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return ``images`` with the distance of every pixel to its gray times their factor."""
    if images.shape[1] == 1:
        return images
    return _blend(images, to_gray(images), factor)


def turn_hue(images: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Return ``images`` with every colour moved along the wheel of HSV; 1 is a whole turn."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(dim=1)
    highest = images.amax(dim=1)
    chroma = highest - images.amin(dim=1)
    span = torch.where(chroma > 0, chroma, 1.0)
    # Sixths of a turn from red: which channel is highest decides the third of the wheel.
    hue = torch.where(
        highest == red,
        (green - blue) / span,
        torch.where(highest == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    hue = hue + 6 * turn.view(-1, 1, 1)
    # A channel lies below the highest by as much of the chroma as the hue is away from it.
    away = [(hue + offset) % 6 for offset in (5, 3, 1)]
    fall = [torch.minimum(k, 4 - k).clamp(0, 1) for k in away]
    return torch.stack([highest - chroma * f for f in fall], dim=1)


def to_gray(images: torch.Tensor) -> torch.Tensor:
    """Return the luma of ``images`` in every channel."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor(_LUMA, dtype=images.dtype, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True).expand_as(images)


def solarise(images: torch.Tensor) -> torch.Tensor:
    """Return ``images`` with values of at least one half inverted."""
    return torch.where(images >= 0.5, 1 - images, images)


def _blend(images: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return (other + (images - other) * _per_image(factor)).clamp(0, 1)


def _per_image(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)
