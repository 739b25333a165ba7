"""Augmentation of a whole batch at once, on tensors: crops, shifts, turns, contrast."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812

__all__ = ["random_view"]


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
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    views = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if contrast:
        middle = views.mean(dim=(1, 2, 3), keepdim=True)
        views = middle + (views - middle) * (1 + draw(-contrast, contrast)).view(-1, 1, 1, 1)
    return views
