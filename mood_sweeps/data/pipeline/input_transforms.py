"""Transforms: labelled uint8 images → the float input tensor of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mood_sweeps.data.image_set import Pixels
from mood_sweeps.data.pipeline.geometry import Geometry

__all__ = ["normalised", "to_input"]


def to_input(images: Sequence[Pixels], form: dict[str, Any]) -> torch.Tensor:
    """Return float32 (N, channels, size, size) of images of any size, normalised; no randomness.

    form: the ``input`` part of a network's description: size, channels, mean, std and what
    `Geometry` reads. Equal to the evaluation transforms of timm and torchvision to the bit.
    """
    return normalised(torch.from_numpy(Geometry.of(form).fit_all(images)), form)


def normalised(pixels: torch.Tensor, form: dict[str, Any]) -> torch.Tensor:
    """Return float32 (N, C, S, S) in channels-last order of uint8 (N, S, S, C), on its device."""
    mean, std = (torch.tensor(form[name], device=pixels.device) for name in ("mean", "std"))
    scaled = (pixels.float() / 255 - mean) / std
    return scaled.permute(0, 3, 1, 2)
