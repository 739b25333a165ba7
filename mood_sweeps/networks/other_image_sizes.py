"""Feeding a network images of another size than it was built for, with its own weights."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

__all__ = ["allow_other_sizes", "features_at"]

_PLAIN_VITS = ("VisionTransformer", "VisionTransformerDistilled")


def allow_other_sizes(network: Any) -> int | None:
    """Prepare a network for ``features_at``; return the unit of image sides, None if unsupported.

    Sides must be multiples of the unit, in pixels. Supported are convolutional networks, and ViTs
    that depend on the size only through a table of absolute positions, which `features_at`
    resamples. Weights stay as they are.
    """
    if network.description["family"] == "cnn":
        return 1
    if type(network).__name__ not in _PLAIN_VITS or network.pos_embed is None:
        return None
    network.patch_embed.strict_img_size = False
    return int(network.patch_embed.patch_size[0])


def features_at(network: Any, images: torch.Tensor) -> torch.Tensor:
    """Return pooled features (N, D) of images (N, C, s, s) of any allowed size."""
    if network.description["family"] == "cnn":
        features: torch.Tensor = network(images)
        return features
    side = images.shape[-1] // network.patch_embed.patch_size[0]
    table = network.pos_embed
    rows, columns = network.patch_embed.grid_size
    prefix = table.shape[1] - rows * columns
    with torch.autocast(table.device.type, enabled=False):
        resampled = _resampling(rows, columns, side).to(table.device) @ table[:, prefix:]
    positions = {"pos_embed": torch.cat([table[:, :prefix], resampled], dim=1)}
    features = torch.func.functional_call(network, positions, (images,))
    return features


def _resampling(rows: int, columns: int, side: int) -> torch.Tensor:
    """Return (side², rows·columns): bicubic resizing of a map of positions, as a matrix.

    A matrix product has a deterministic gradient on every device; ``interpolate`` has not.
    """
    units = torch.eye(rows * columns).view(1, rows * columns, rows, columns)
    resized = F.interpolate(units, size=(side, side), mode="bicubic", antialias=True)
    return resized.view(rows * columns, side * side).T
