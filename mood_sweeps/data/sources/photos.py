"""Photo patches: scikit-learn's two sample photographs cut into squares.

``china.jpg`` (a temple) and ``flower.jpg`` (a dahlia), both 427×640, licensed CC BY.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import OOD_SPLITS, ImageArray, require_split
from mood_sweeps.data.sources.packaged_files import sklearn_file
from mood_sweeps.identity import file_digest, key_of

__all__ = ["Photos"]

_NAMES = ("china", "flower")
_SIDE = 40
_GRID = (427 // _SIDE, 640 // _SIDE)
_VERSION = 1


@dataclass(frozen=True)
class Photos:
    """320 RGB patches, uint8 (320, 40, 40, 3): the 10×16 whole tiles of each photograph.

    Tiles do not overlap, so confidence intervals may count them as separate images."""

    name: str = "photos"
    source: str = "photos"
    classes: tuple[str, ...] = _NAMES
    splits: tuple[str, ...] = OOD_SPLITS

    @property
    def fingerprint(self) -> str:
        """Digest of the two files and the cutting rule, without decoding an image."""
        return key_of({"files": _digests(), "side": _SIDE, "version": _VERSION})

    def size(self, split: str) -> int:
        """Return the number of patches."""
        require_split(self.name, split, self.splits)
        return len(_NAMES) * _GRID[0] * _GRID[1]

    def open(self, split: str) -> ImageArray:
        """Return the patches, photograph by photograph, row by row."""
        require_split(self.name, split, self.splits)
        tiles = [_tiles(name) for name in _NAMES]
        labels = np.repeat(np.arange(len(tiles), dtype=np.int64), [len(part) for part in tiles])
        ids = tuple(f"photos:{index}" for index in range(len(labels)))
        return ImageArray(np.concatenate(tiles), labels, _NAMES, ids)


@functools.cache
def _digests() -> list[str]:
    return [file_digest(sklearn_file(f"images/{name}.jpg")) for name in _NAMES]


def _tiles(name: str) -> npt.NDArray[np.uint8]:
    from PIL import Image  # late: planning needs names and digests, never a decoder

    with Image.open(sklearn_file(f"images/{name}.jpg")) as photo:
        pixels = np.asarray(photo.convert("RGB"), dtype=np.uint8)
    rows, columns = _GRID
    whole = pixels[: rows * _SIDE, : columns * _SIDE]
    blocks = whole.reshape(rows, _SIDE, columns, _SIDE, 3).swapaxes(1, 2)
    return np.ascontiguousarray(blocks.reshape(-1, _SIDE, _SIDE, 3))
