"""Random views of a whole batch at once, drawn separately for each image."""

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
    augmentation: Augmentation,
    generator: torch.Generator,
    form: Mapping[str, Any],
    size: int | None = None,
) -> torch.Tensor:
    """Return one random view of each image: float32 (N, C, size, size) of (N, C, S, S).

    form: the ``input`` part of a network's description, with the mean and std of the images'
    normalisation: colours are changed in [0, 1]. size: side of the views, by default S. Parts that
    are switched off cost nothing and draw nothing from ``generator``, a CPU generator.
    """
    side = images.shape[-1]
    size = size or side
    # Views are computed in fp32, whatever the network's precision.
    with torch.autocast(images.device.type, enabled=False):
        views = images
        if augmentation.window is not None:
            window = augmentation.window
            views = random_view(
                views,
                generator,
                scale=window.scale,
                shift=window.shift,
                turn=window.turn,
                contrast=window.contrast,
            )
        if augmentation.crop_scale is not None:
            boxes = random_boxes(
                len(views), augmentation.crop_scale, augmentation.crop_ratio, generator
            )
            views = resized(views, boxes, size, augmentation.interpolation)
        elif size != side:
            whole = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(len(views), 4)
            views = resized(views, whole, size, augmentation.interpolation)
        if augmentation.flip:
            views = _change_some(views, augmentation.flip, generator, lambda chosen: chosen.flip(3))
        changes_colour = any(getattr(augmentation, name) for name in _COLOURED)
        if augmentation.rand_augment is not None or changes_colour:
            views = _change_colours(views, augmentation, generator, form)
        if augmentation.erase:
            views = erased(views, augmentation.erase, generator)
    return views


def _change_colours(
    images: torch.Tensor,
    augmentation: Augmentation,
    generator: torch.Generator,
    form: Mapping[str, Any],
) -> torch.Tensor:
    mean, std = (
        torch.tensor(form[name], device=images.device).view(1, -1, 1, 1) for name in ("mean", "std")
    )
    # Bicubic resizing overshoots; pixels of image files are in [0, 1].
    pixels = (images * std + mean).clamp(0, 1)

    def jitter(chosen: torch.Tensor) -> torch.Tensor:
        return _jittered(chosen, augmentation, generator)

    def blur(chosen: torch.Tensor) -> torch.Tensor:
        return blurred(chosen, _uniform(chosen, *augmentation.blur_sigma, generator))

    pixels = _change_some(pixels, augmentation.jitter, generator, jitter)
    pixels = _change_some(pixels, augmentation.grayscale, generator, colours.to_gray)
    pixels = _change_some(pixels, augmentation.blur, generator, blur)
    pixels = _change_some(pixels, augmentation.solarise, generator, colours.solarise)
    if augmentation.rand_augment is not None:
        pixels = rand_augmented(pixels, augmentation.rand_augment, mean, generator)
    return (pixels - mean) / std


def _jittered(
    images: torch.Tensor, augmentation: Augmentation, generator: torch.Generator
) -> torch.Tensor:
    """Return ``images`` with four changes of colour, in an order drawn for each image."""
    orders = torch.rand(len(images), len(_CHANGES), generator=generator).argsort(dim=1)
    factors = []
    for name, _change in _CHANGES:
        most, neutral = getattr(augmentation, name), 0.0 if name == "hue" else 1.0
        low = -most if name == "hue" else max(0.0, 1.0 - most)
        factors.append(_uniform(images, low, neutral + most, generator))
    for turn in range(len(_CHANGES)):
        for (_name, change), factor, turns in zip(_CHANGES, factors, orders.T, strict=True):
            index = (turns == turn).nonzero().flatten().to(images.device)
            if len(index):
                images = images.index_copy(0, index, change(images[index], factor[index]))
    return images


def _change_some(
    images: torch.Tensor,
    probability: float,
    generator: torch.Generator,
    change: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Return ``images``, each of them changed with this probability."""
    if not probability:
        return images
    chosen = torch.rand(len(images), generator=generator) < probability
    if not chosen.any():
        return images
    index = chosen.nonzero().flatten().to(images.device)
    return images.index_copy(0, index, change(images[index]))


def _uniform(
    images: torch.Tensor, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Return a uniform number for each image, on the images' device."""
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

    scale: range of the window's side, 1 = the whole image. shift: largest move of its
    centre, in image sides. turn: largest turn, in radians. contrast: largest relative change of
    contrast. All are uniform and drawn per image.
    Outside the image, the border pixels are repeated.
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
    # Autocast would round the sampling positions to three digits.
    with torch.autocast(images.device.type, enabled=False):
        grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    views = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if contrast:
        middle = views.mean(dim=(1, 2, 3), keepdim=True)
        views = middle + (views - middle) * (1 + draw(-contrast, contrast)).view(-1, 1, 1, 1)
    return views
