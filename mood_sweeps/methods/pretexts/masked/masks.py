"""Patches of images, and which of them are hidden."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

__all__ = [
    "block_mask",
    "complementary_masks",
    "patchify",
    "random_mask",
    "smallest_block",
    "unpatchify",
]

_NARROWEST = 0.3
_ATTEMPTS = 10


def patchify(images: torch.Tensor, patch: int) -> torch.Tensor:
    """Return (N, L, patch²·C): the pixels of each patch, patches row by row."""
    count, channels, height, width = images.shape
    blocks = images.reshape(count, channels, height // patch, patch, width // patch, patch)
    return blocks.permute(0, 2, 4, 3, 5, 1).reshape(count, -1, patch**2 * channels)


def unpatchify(patches: torch.Tensor, patch: int, channels: int) -> torch.Tensor:
    """Return square images (N, C, S, S) of patches (N, L, patch²·C): the inverse of `patchify`."""
    count, side = len(patches), math.isqrt(patches.shape[1])
    blocks = patches.reshape(count, side, side, patch, patch, channels)
    return blocks.permute(0, 5, 1, 3, 2, 4).reshape(count, channels, side * patch, side * patch)


def random_mask(count: int, patches: int, ratio: float, generator: torch.Generator) -> torch.Tensor:
    """Return bool (count, patches), True where hidden: round(ratio·patches) of each row, ≥ 1."""
    hidden = max(1, round(ratio * patches))
    order = torch.rand(count, patches, generator=generator).argsort(dim=1)
    return order < hidden


def complementary_masks(patches: int, ratio: float, seed: int) -> torch.Tensor:
    """Return bool (M, patches), True where hidden; equally many masks hide each patch.

    Patches are split at random into M parts of sizes that differ by at most one. Up to a ratio of ½
    a mask hides one part, M = 1/ratio; above ½ it leaves one part visible, M = 1/(1 − ratio). M is
    rounded, and at most the number of patches, which must be at least two.
    """
    parts = min(max(2, round(1 / max(min(ratio, 1 - ratio), 1 / patches))), patches)
    order = torch.randperm(patches, generator=torch.Generator().manual_seed(seed))
    in_part = torch.arange(parts)[:, None] == order % parts
    return in_part if ratio <= 0.5 else ~in_part


def smallest_block(patches: int) -> int:
    """Return the least number of patches of a block: BEiT's 16 of 14×14, or the same share."""
    return max(1, round(patches * 16 / 14**2))


def block_mask(
    count: int, grid: tuple[int, int], ratio: float, generator: torch.Generator
) -> torch.Tensor:
    """Return bool (count, rows·columns), True where hidden: blocks, row by row of ``grid``.

    Blocks are hidden one after the other (Bao et al. 2022, Algorithm 1): the area is uniform from
    `smallest_block` to the number that may still be hidden, height over width log-uniform in
    [0.3, 1/0.3], the position uniform; sides are rounded, and at most the grid's. As in the paper's
    code, a block that would hide more than round(ratio·patches) in total, or nothing new, is drawn
    again, and a mask is finished after ten such blocks in a row. So round(ratio·patches) is an
    upper bound, which small grids always reach and large ones nearly.
    """
    patches = grid[0] * grid[1]
    most = max(1, round(ratio * patches))
    numbers = _uniform(generator)
    hidden = [_hide_blocks(grid, most, numbers) for _ in range(count)]
    size = -(-patches // 8)
    octets = np.frombuffer(b"".join(one.to_bytes(size, "little") for one in hidden), np.uint8)
    bits = np.unpackbits(octets.reshape(count, size), axis=1, count=patches, bitorder="little")
    return torch.from_numpy(bits.astype(bool))


def _hide_blocks(grid: tuple[int, int], most: int, numbers: Iterator[float]) -> int:
    """Return one mask as the bits of a number, patch 0 the lowest.

    With integers a batch of masks takes a fortieth of a nano network's step; arrays are slower.
    """
    rows, columns = grid
    least = min(most, smallest_block(rows * columns))
    hidden, room, failures = 0, most, 0
    while room and (failures < _ATTEMPTS or not hidden):
        area = least + next(numbers) * max(room - least, 0)
        aspect = _NARROWEST ** (2 * next(numbers) - 1)
        height = min(max(round(math.sqrt(area * aspect)), 1), rows)
        width = min(max(round(math.sqrt(area / aspect)), 1), columns)
        top = int(next(numbers) * (rows - height + 1))
        left = int(next(numbers) * (columns - width + 1))
        every_row = ((1 << height * columns) - 1) // ((1 << columns) - 1)
        block = ((1 << width) - 1) * every_row << top * columns + left
        new = (block & ~hidden).bit_count()
        if 0 < new <= room:
            hidden, room, failures = hidden | block, room - new, 0
        else:
            failures += 1
    return hidden


def _uniform(generator: torch.Generator) -> Iterator[float]:
    while True:
        yield from torch.rand(512, generator=generator, dtype=torch.float64).tolist()
