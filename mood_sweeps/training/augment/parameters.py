"""Declared augmentations: how `random_views.augment` draws a random view of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

__all__ = ["Augmentation", "RandAugment", "Range", "Share", "Window"]

Share = Annotated[float, Field(ge=0, le=1)]
_Area = Annotated[float, Field(gt=0, le=1)]
Range = tuple[_Area, _Area]
"""Smallest and largest share of an image's area."""


@dataclass(frozen=True)
class Window:
    """A window laid over the image, which may be turned and reach beyond it.

    Its fields are the parameters of `random_views.random_view`.
    """

    scale: tuple[float, float] = (0.9, 1.1)
    shift: float = 0.06
    turn: float = 0.1
    contrast: float = 0.0


@dataclass(frozen=True)
class RandAugment:
    """A few changes of fifteen, drawn anew for each image (Cubuk et al. 2020), as timm draws them.

    magnitude: of each change, up to 10. ops: number of drawn changes, with repeats; each is applied
    with probability one half. spread: standard deviation of the magnitude.
    """

    magnitude: float = 9.0
    ops: int = 2
    spread: float = 0.5


@dataclass(frozen=True)
class Augmentation:
    """The changes of an image, in this order; by default none. Drawn anew for each image.

    window: a window that replaces the image. crop_scale: range of the crop's area, as a share of
    the image's; crop_ratio: range of its width over its height; interpolation: of the crop.
    flip, jitter, grayscale, blur, solarise: the probability of each. A flip swaps left and right.
    brightness, contrast, saturation, hue: largest relative change by jitter (hue: in turns of the
    colour wheel), in random order. blur_sigma: range of the Gaussian's standard deviation, in
    pixels of the view. Solarising inverts values of at least half of white.
    rand_augment: see `RandAugment`. erase: probability that a rectangle is replaced by noise.
    """

    window: Window | None = None
    crop_scale: Range | None = None
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    flip: float = 0.0
    jitter: float = 0.0
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grayscale: float = 0.0
    blur: float = 0.0
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    solarise: float = 0.0
    rand_augment: RandAugment | None = None
    erase: float = 0.0
