"""Transforms: labelled uint8 images → the float input tensor of a network."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.data.image_set import LabelledImages

__all__ = ["to_input"]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as PIL's mode L


def to_input(images: LabelledImages, form: dict[str, Any]) -> torch.Tensor:
    """Return float32 (N, channels, size, size), normalised; no randomness.

    form: the ``input`` part of a network's description: size, channels, mean, std; with
    ``interpolation``, bilinear (the default) or bicubic, always antialiased; with ``crop``, the
    share of the shorter side that the middle square keeps: the shorter side becomes size / crop
    pixels, rounded down (with ``squash`` both sides do), and the middle is cut out, as in
    evaluation by timm and torchvision. Without ``crop`` the image is squashed to a square of the
    size. Colour becomes gray by luma; gray is repeated for three channels.
    """
    pixels = torch.from_numpy(images.images.copy()).permute(0, 3, 1, 2).float() / 255
    pixels = _with_channels(pixels, form["channels"])
    size, crop = form["size"], form.get("crop")
    sides = (size, size)
    if crop is not None:
        shorter = int(size / crop)
        squash = form.get("squash", False)
        sides = (shorter, shorter) if squash else _sides_with_shorter(pixels.shape[-2:], shorter)
    pixels = _middle(_resized(pixels, sides, form.get("interpolation", "bilinear")), size)
    mean = torch.tensor(form["mean"]).view(1, -1, 1, 1)
    std = torch.tensor(form["std"]).view(1, -1, 1, 1)
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def _sides_with_shorter(sides: torch.Size, shorter: int) -> tuple[int, int]:
    """Return (height, width) scaled so that the shorter one is ``shorter``."""
    height, width = sides
    if height <= width:
        return shorter, int(shorter * width / height)
    return int(shorter * height / width), shorter


def _resized(pixels: torch.Tensor, sides: tuple[int, int], interpolation: str) -> torch.Tensor:
    if pixels.shape[-2:] == sides:
        return pixels
    pixels = F.interpolate(
        pixels, size=sides, mode=interpolation, antialias=True, align_corners=False
    )
    # Bicubic interpolation overshoots at edges; byte images would be clipped there.
    return pixels.clamp(0, 1) if interpolation == "bicubic" else pixels


def _middle(pixels: torch.Tensor, size: int) -> torch.Tensor:
    top, left = (round((side - size) / 2) for side in pixels.shape[-2:])
    return pixels[..., top : top + size, left : left + size]


def _with_channels(pixels: torch.Tensor, channels: int) -> torch.Tensor:
    if pixels.shape[1] == channels:
        return pixels
    if channels == 1:
        return (pixels * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return pixels.repeat(1, 3, 1, 1)
