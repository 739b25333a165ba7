"""Geometry: an image of any size → the square of pixels that a network takes, as uint8.

Resizing and cutting are Pillow's, as in the evaluation transforms of timm, torchvision, MOOD and
OpenOOD, so that the pixels are equal to theirs to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from mood_sweeps.data.image_set import Pixels

__all__ = ["Geometry"]

_MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class Geometry:
    """How pixels become a square of ``size`` pixels with ``channels`` channels.

    crop: the share of the resized image that the middle square keeps: the shorter side becomes
    size / crop pixels, rounded down (both sides with ``squash``), and the middle is cut out. None:
    the image is squashed to the square. interpolation: a name of Pillow's resampling filters.
    """

    size: int
    channels: int
    interpolation: str = "bilinear"
    crop: float | None = None
    squash: bool = False

    @classmethod
    def of(cls, form: dict[str, Any]) -> Self:
        """Return the geometry of the ``input`` part of a network's description."""
        return cls(
            form["size"],
            form["channels"],
            form.get("interpolation", "bilinear"),
            form.get("crop"),
            form.get("squash", False),
        )

    def fit(self, pixels: Pixels) -> Pixels:
        """Return uint8 (size, size, channels) of uint8 (H, W, 1 or 3).

        Colour becomes gray by luma (ITU-R BT.601); gray is repeated for three channels.
        """
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        image = image.convert(_MODES[self.channels])
        sides = self._sides(image.width, image.height)
        if sides != image.size:
            image = image.resize(sides, Image.Resampling[self.interpolation.upper()])
        return _middle(np.asarray(image).reshape(*image.size[::-1], self.channels), self.size)

    def fit_all(self, images: Sequence[Pixels]) -> npt.NDArray[np.uint8]:
        """Return uint8 (N, size, size, channels) of images of any size; see `fit`."""
        fitted = np.empty((len(images), self.size, self.size, self.channels), np.uint8)
        for index, pixels in enumerate(images):
            fitted[index] = self.fit(pixels)
        return fitted

    def _sides(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of the resized image."""
        if self.crop is None:
            return self.size, self.size
        shorter = int(self.size / self.crop)
        if self.squash:
            return shorter, shorter
        if width <= height:
            return shorter, int(shorter * height / width)
        return int(shorter * width / height), shorter


def _middle(pixels: Pixels, size: int) -> Pixels:
    """Return the middle square; zeros surround an image that is smaller."""
    height, width = pixels.shape[:2]
    if height < size or width < size:
        # torchvision's rule: the odd row and column of padding come after the image.
        rows, columns = max(size - height, 0), max(size - width, 0)
        before, after = (rows // 2, columns // 2), ((rows + 1) // 2, (columns + 1) // 2)
        pixels = np.pad(pixels, (*zip(before, after, strict=True), (0, 0)))
        height, width = pixels.shape[:2]
    top, left = round((height - size) / 2), round((width - size) / 2)
    return np.ascontiguousarray(pixels[top : top + size, left : left + size])
