"""Generated image sets: 400 gray images drawn by a fixed rule from a fixed seed.

Each set is a dictionary from class names to drawing functions. A drawing function takes a
RandomState and returns one image as float64 (H, W) in [0, 1]. RandomState, because its streams
are frozen for good (NEP 19), so that the bytes can be pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mood_sweeps.datasets.image_set import OOD_SPLITS, LabelledImages, require_split
from mood_sweeps.identity import key_of

__all__ = ["IMAGES_PER_SET", "Drawing", "Generated"]

IMAGES_PER_SET = 400

Drawing = Callable[[np.random.RandomState], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Generated:
    """A generated set.

    name: its name, which also seeds it. drawings: class name → drawing function; each class gets an
    equal share of the images. version: bumped by hand whenever a drawing function changes.
    """

    name: str
    drawings: Mapping[str, Drawing]
    version: int = 1
    splits: ClassVar[tuple[str, ...]] = OOD_SPLITS

    @property
    def source(self) -> str:
        """The set itself: each generated set is a source of its own."""
        return self.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names."""
        return tuple(self.drawings)

    @property
    def fingerprint(self) -> str:
        """Digest of the name, the classes, the number of images and the version."""
        return key_of(
            {
                "generated": self.name,
                "classes": self.classes,
                "n": IMAGES_PER_SET,
                "version": self.version,
            }
        )

    def size(self, split: str) -> int:
        """Return the number of images."""
        require_split(self.name, split, self.splits)
        return len(self.drawings) * (IMAGES_PER_SET // len(self.drawings))

    def load(self, split: str) -> LabelledImages:
        """Draw the images, class by class: the same bytes on every call."""
        require_split(self.name, split, self.splits)
        random = np.random.RandomState(list(self.name.encode("ascii")))
        share = IMAGES_PER_SET // len(self.drawings)
        images = np.stack(
            [drawing(random) for drawing in self.drawings.values() for _ in range(share)]
        )
        labels = np.repeat(np.arange(len(self.drawings), dtype=np.int64), share)
        pixels = np.rint(np.clip(images, 0.0, 1.0) * 255).astype(np.uint8)
        return LabelledImages(pixels[..., None], labels, self.classes)
