"""Resampling of a batch by two matrix products: a different box or blur for each image.

Both are separable filters, so an image becomes ``rows @ image @ columnsᵀ`` with its own weights.
This handles all images at once, is antialiased, and allows boxes between pixels, as PIL does.
"""

from __future__ import annotations

import math

import torch

__all__ = ["blurred", "random_boxes", "resized"]

_TRIES = 10  # as torchvision's RandomResizedCrop


def random_boxes(
    count: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> torch.Tensor:
    """Return float32 (count, 4): top, left, height, width of boxes in a square of side 1.

    scale: range of the area, uniform. ratio: range of width to height, uniform in its logarithm.
    Drawn until a box fits into the square, as in torchvision's RandomResizedCrop; after ten misses
    the box is the whole square.
    """
    area = _between(scale, torch.rand(count, _TRIES, generator=generator))
    low, high = map(math.log, ratio)
    across = _between((low, high), torch.rand(count, _TRIES, generator=generator)).exp()
    sides = torch.stack([(area / across).sqrt(), (area * across).sqrt()], dim=2)
    sides = torch.cat([sides, torch.ones(count, 1, 2)], dim=1)
    fits = (sides <= 1).all(dim=2)
    sides = sides[torch.arange(count), fits.int().argmax(dim=1)]
    return torch.cat([torch.rand(count, 2, generator=generator) * (1 - sides), sides], dim=1)


def resized(
    images: torch.Tensor, boxes: torch.Tensor, size: int, interpolation: str = "bilinear"
) -> torch.Tensor:
    """Return (N, C, size, size): a box of each image (N, C, H, W), as PIL's ``resize`` does.

    boxes: (N, 4), see `random_boxes`. interpolation: bilinear or bicubic; bicubic may overshoot
    the range of the values.
    """
    boxes = boxes.to(images)
    height, width = images.shape[2:]
    rows = _weights(boxes[:, 0] * height, boxes[:, 2] * height, height, size, interpolation)
    columns = _weights(boxes[:, 1] * width, boxes[:, 3] * width, width, size, interpolation)
    return _apply(images, rows, columns)


def blurred(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Return ``images`` (N, C, H, W) blurred by Gaussians; sigma: (N,), in pixels.

    At the border the weights inside the image are scaled to sum to 1.
    """
    rows, columns = (_gaussian(sigma.to(images), side) for side in images.shape[2:])
    return _apply(images, rows, columns)


def _weights(
    start: torch.Tensor, length: torch.Tensor, inputs: int, outputs: int, interpolation: str
) -> torch.Tensor:
    """Return (N, outputs, inputs): the weights of a line's input pixels in its output pixels."""
    step = (length / outputs).view(-1, 1, 1)
    middle = start.view(-1, 1, 1) + step * (_centres(outputs, start).view(1, -1, 1))
    # Antialiasing: where the line shrinks, the filter widens.
    distance = ((_centres(inputs, start) - middle) / step.clamp(min=1)).abs()
    weights = _bicubic(distance) if interpolation == "bicubic" else (1 - distance).clamp(min=0)
    return weights / weights.sum(dim=2, keepdim=True)


def _bicubic(distance: torch.Tensor) -> torch.Tensor:
    """Return Keys' cubic kernel with a = -1/2 (Keys 1981), as PIL's."""
    near = (1.5 * distance - 2.5) * distance.square() + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))


def _gaussian(sigma: torch.Tensor, side: int) -> torch.Tensor:
    centres = _centres(side, sigma)
    distance = (centres.view(1, -1, 1) - centres) / sigma.view(-1, 1, 1)
    weights = torch.exp(-0.5 * distance.square())
    return weights / weights.sum(dim=2, keepdim=True)


def _apply(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    # `matmul` of stacked matrices is fastest on channels-first memory.
    return rows[:, None] @ images.contiguous() @ columns[:, None].transpose(2, 3)


def _centres(count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.arange(count, dtype=like.dtype, device=like.device) + 0.5


def _between(ends: tuple[float, float], share: torch.Tensor) -> torch.Tensor:
    return ends[0] + (ends[1] - ends[0]) * share
