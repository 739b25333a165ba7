"""Generated image sets: gray images drawn by a fixed rule from a fixed seed.

Each set is a dictionary from class names to drawing functions. A drawing function takes a
RandomState and returns one image as float64 (H, W) in [0, 1]. RandomState, because its streams
never change (NEP 19), so that tests can pin the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import ID_SPLITS, OOD_SPLITS, ImageArray, require_split
from mood_sweeps.identity import key_of

__all__ = ["IMAGES_PER_SET", "Drawing", "Generated"]

IMAGES_PER_SET = 400

Drawing = Callable[[np.random.RandomState], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Generated:
    """A generated set.

    name: its name, which also seeds it. drawings: class name → drawing function; each class gets an
    equal share of the images. version: bumped by hand whenever a drawing function changes.
    parts: images of each class in train, val and test; without them, one whole of 400 images.
    """

    name: str
    drawings: Mapping[str, Drawing]
    version: int = 1
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The set itself: each generated set is a source of its own."""
        return self.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names."""
        return tuple(self.drawings)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of an ID set if it has parts, else of an OOD set."""
        return ID_SPLITS if self.parts else OOD_SPLITS

    @property
    def fingerprint(self) -> str:
        """Digest of the name, the classes, the number of images, their parts and the version."""
        parts = {"parts": dict(self.parts)} if self.parts else {}
        return key_of(
            {
                "generated": self.name,
                "classes": self.classes,
                "n": self._per_class * len(self.drawings) if self.parts else IMAGES_PER_SET,
                "version": self.version,
                **parts,
            }
        )

    @property
    def _per_class(self) -> int:
        """Images of each class."""
        return sum(self.parts.values()) or IMAGES_PER_SET // len(self.drawings)

    def size(self, split: str) -> int:
        """Return the number of images of a split."""
        require_split(self.name, split, self.splits)
        return len(self.drawings) * self.parts.get(split, self._per_class)

    def open(self, split: str) -> ImageArray:
        """Draw the images, class by class: the same bytes on every call."""
        require_split(self.name, split, self.splits)
        random = np.random.RandomState(list(self.name.encode("ascii")))
        images = np.stack(
            [drawing(random) for drawing in self.drawings.values() for _ in range(self._per_class)]
        )
        labels = np.repeat(np.arange(len(self.drawings), dtype=np.int64), self._per_class)
        pixels = np.rint(np.clip(images, 0.0, 1.0) * 255).astype(np.uint8)
        # Images are i.i.d. within a class, so splits may take the first n, the next n, and so on.
        split_of_each = np.repeat(list(self.parts), list(self.parts.values())) if self.parts else ()
        chosen = np.flatnonzero(np.tile(split_of_each, len(self.drawings)) == split)
        ids = tuple(f"{self.name}:{index}" for index in range(len(labels)))
        whole = ImageArray(pixels[..., None], labels, self.classes, ids)
        return whole if split == "all" else whole.take(chosen)
