"""Random erasing: a rectangle of an image becomes noise (Zhong et al. 2020)."""

from __future__ import annotations

import math

import torch

__all__ = ["erased", "random_rectangles"]

_AREA = (0.02, 1 / 3)
_RATIO = (0.3, 1 / 0.3)
_TRIES = 10


def erased(images: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Return ``images`` (N, C, H, W), normalised, with a rectangle of each erased at a probability.

    Standard-normal noise replaces its pixels, as in BEiT's and DeiT's training.
    """
    count, channels, height, width = images.shape
    chosen = torch.rand(count, generator=generator) < probability
    top, left, tall, wide = random_rectangles(count, height, width, generator).T
    rows, columns = torch.arange(height), torch.arange(width)
    in_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    hidden = (in_rows[:, :, None] & in_columns[:, None, :] & chosen[:, None, None])[:, None]
    hidden = hidden.expand(-1, channels, -1, -1)
    noise = torch.randn(int(hidden.sum()), generator=generator)
    result = images.clone()
    result[hidden.to(images.device)] = noise.to(images)
    return result


def random_rectangles(
    count: int, height: int, width: int, generator: torch.Generator
) -> torch.Tensor:
    """Return int64 (count, 4): top, left, height, width of rectangles smaller than the image.

    The area is uniform between 2% and a third of the image's, the ratio of the sides uniform in its
    logarithm. Drawn until one fits, as in timm; after ten misses the rectangle has height 0.
    """
    area = torch.rand(count, _TRIES, generator=generator) * (_AREA[1] - _AREA[0]) + _AREA[0]
    low, high = map(math.log, _RATIO)
    ratio = (torch.rand(count, _TRIES, generator=generator) * (high - low) + low).exp()
    tall = (area * height * width * ratio).sqrt().round()
    wide = (area * height * width / ratio).sqrt().round()
    fits = (tall < height) & (wide < width)
    first = fits.int().argmax(dim=1, keepdim=True)
    tall, wide = (side.gather(1, first)[:, 0] for side in (tall, wide))
    tall = tall * fits.any(dim=1)
    room = torch.stack([height - tall + 1, width - wide + 1], dim=1).clamp(min=1)
    corner = (torch.rand(count, 2, generator=generator) * room).floor()
    return torch.cat([corner, tall[:, None], wide[:, None]], dim=1).long()
