"""Augmentation of a whole batch at once, on tensors, image by image another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.training.augment import colours
from mood_sweeps.training.augment.parameters import Augmentation
from mood_sweeps.training.augment.rand_augment import rand_augmented
from mood_sweeps.training.augment.random_erasing import erased
from mood_sweeps.training.augment.resampling import blurred, random_boxes, resized

__all__ = ["augment", "random_view"]

_COLOURED = ("jitter", "grayscale", "blur", "solarise")
_CHANGES = (
    ("brightness", colours.change_brightness),
    ("contrast", colours.change_contrast),
    ("saturation", colours.change_saturation),
    ("hue", colours.turn_hue),
)


def augment(
    images: torch.Tensor,
    how: Augmentation,
    generator: torch.Generator,
    form: Mapping[str, Any],
    size: int | None = None,
) -> torch.Tensor:
    """Return one random view of each image: float32 (N, C, size, size) of (N, C, S, S).

    form: the ``input`` part of a network's description, with the mean and std that the images are
    normalised by: colours are changed in [0, 1]. size: side of the views, by default S. Only what
    is switched on costs anything or draws from ``generator``, the CPU's.
    """
    side = images.shape[-1]
    size = size or side
    # Pixels keep the precision of fp32 whatever the network computes in.
    with torch.autocast(images.device.type, enabled=False):
        views = images
        if how.window is not None:
            window = how.window
            views = random_view(
                views,
                generator,
                scale=window.scale,
                shift=window.shift,
                turn=window.turn,
                contrast=window.contrast,
            )
        if how.crop_scale is not None:
            boxes = random_boxes(len(views), how.crop_scale, how.crop_ratio, generator)
            views = resized(views, boxes, size, how.interpolation)
        elif size != side:
            whole = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(len(views), 4)
            views = resized(views, whole, size, how.interpolation)
        if how.flip:
            views = _some(views, how.flip, generator, lambda some: some.flip(3))
        if how.rand_augment is not None or any(getattr(how, name) for name in _COLOURED):
            views = _coloured(views, how, generator, form)
        if how.erase:
            views = erased(views, how.erase, generator)
    return views


def _coloured(
    images: torch.Tensor, how: Augmentation, generator: torch.Generator, form: Mapping[str, Any]
) -> torch.Tensor:
    mean, std = (
        torch.tensor(form[name], device=images.device).view(1, -1, 1, 1) for name in ("mean", "std")
    )
    # Bicubic resizing overshoots; a picture of a file could not.
    pixels = (images * std + mean).clamp(0, 1)

    def jitter(some: torch.Tensor) -> torch.Tensor:
        return _jittered(some, how, generator)

    def blur(some: torch.Tensor) -> torch.Tensor:
        return blurred(some, _uniform(some, *how.blur_sigma, generator))

    pixels = _some(pixels, how.jitter, generator, jitter)
    pixels = _some(pixels, how.grayscale, generator, colours.to_gray)
    pixels = _some(pixels, how.blur, generator, blur)
    pixels = _some(pixels, how.solarise, generator, colours.solarise)
    if how.rand_augment is not None:
        pixels = rand_augmented(pixels, how.rand_augment, mean, generator)
    return (pixels - mean) / std


def _jittered(images: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return ``images`` with four changes of colour, in an order drawn for each."""
    places = torch.rand(len(images), len(_CHANGES), generator=generator).argsort(dim=1)
    factors = []
    for name, _change in _CHANGES:
        most, neutral = getattr(how, name), 0.0 if name == "hue" else 1.0
        low = -most if name == "hue" else max(0.0, 1.0 - most)
        factors.append(_uniform(images, low, neutral + most, generator))
    for place in range(len(_CHANGES)):
        for (_name, change), factor, its_place in zip(_CHANGES, factors, places.T, strict=True):
            at = (its_place == place).nonzero().flatten().to(images.device)
            if len(at):
                images = images.index_copy(0, at, change(images[at], factor[at]))
    return images


def _some(
    images: torch.Tensor,
    probability: float,
    generator: torch.Generator,
    change: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Return ``images`` with each changed at this probability."""
    if not probability:
        return images
    chosen = torch.rand(len(images), generator=generator) < probability
    if not chosen.any():
        return images
    at = chosen.nonzero().flatten().to(images.device)
    return images.index_copy(0, at, change(images[at]))


def _uniform(
    images: torch.Tensor, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Return a number for each image, on the images' device."""
    return (low + (high - low) * torch.rand(len(images), generator=generator)).to(images.device)


def random_view(
    images: torch.Tensor,
    generator: torch.Generator,
    *,
    scale: tuple[float, float] = (0.9, 1.1),
    shift: float = 0.06,
    turn: float = 0.1,
    contrast: float = 0.0,
) -> torch.Tensor:
    """Return one random view of each image, float32 of the shape of ``images`` (N, C, H, W).

    scale: range of the side of the window seen, 1 = the whole image. shift: largest move of its
    centre, in image sides. turn: largest turn, in radians. contrast: largest relative change of
    contrast. All are uniform and drawn per image.
    Outside the image, its border is repeated.
    """
    count = len(images)

    def draw(low: float, high: float) -> torch.Tensor:
        return (low + (high - low) * torch.rand(count, generator=generator)).to(images.device)

    side, angle = draw(*scale), draw(-turn, turn)
    cosine, sine = side * torch.cos(angle), side * torch.sin(angle)
    # Coordinates run from -1 to 1, so a shift of one image side is 2.
    rows = (
        torch.stack([cosine, -sine, 2 * draw(-shift, shift)], dim=1),
        torch.stack([sine, cosine, 2 * draw(-shift, shift)], dim=1),
    )
    # Autocast would round the places that pixels are read from to three digits.
    with torch.autocast(images.device.type, enabled=False):
        grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    views = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if contrast:
        middle = views.mean(dim=(1, 2, 3), keepdim=True)
        views = middle + (views - middle) * (1 + draw(-contrast, contrast)).view(-1, 1, 1, 1)
    return views
