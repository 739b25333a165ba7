"""Folders of image files for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["write_images"]


def write_images(folder: Path, shade: int, count: int, seed: int = 0) -> None:
    """Write JPEG files of several sizes, which a network can tell from those of other shades."""
    random = np.random.default_rng([seed, shade])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        size = (int(random.integers(24, 60)), int(random.integers(24, 60)), 3)
        pixels = shade + random.integers(0, 100, size)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03}.jpg")
