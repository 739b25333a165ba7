"""Folders of image files for tests, and the sets that they are; every image is another."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mood_sweeps.data.catalogue import ImageSets
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.data.user_set import UserSet

__all__ = ["LONG_AGO", "defined_set", "save_image", "save_images", "write_images"]

LONG_AGO = 1_500_000_000
"""Seconds since 1970: digests of files that changed just now are not kept."""


def save_image(
    path: Path, number: int = 0, size: tuple[int, int] = (6, 5), mode: str = "RGB"
) -> Path:
    """Write an image of (width, height), its pixels drawn by ``number``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": (3,), "L": ()}[mode]
    pixels = np.random.RandomState(number).randint(0, 256, (size[1], size[0], *channels))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def save_images(root: Path, paths: Iterable[str]) -> Path:
    """Write an image at each path under ``root``; return the root."""
    for number, path in enumerate(paths):
        save_image(root / path, number)
    return root


def defined_set(
    raw: dict[str, Any], folder: Path, kept: Path | None = None, full: bool = False
) -> UserSet:
    """Return the set ``mine`` as a mapping in an experiment file in ``folder`` defines it."""
    find = ImageSets({"mine": read_definition(raw, folder)}, KeptDigests(kept))
    find.full = frozenset(["mine"] if full else [])
    images = find("mine")
    assert isinstance(images, UserSet)
    return images


def write_images(folder: Path, shade: int, count: int, seed: int = 0) -> None:
    """Write JPEG files of several sizes, which a network can tell from those of other shades."""
    random = np.random.default_rng([seed, shade])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        size = (int(random.integers(24, 60)), int(random.integers(24, 60)), 3)
        pixels = shade + random.integers(0, 100, size)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03}.jpg")
