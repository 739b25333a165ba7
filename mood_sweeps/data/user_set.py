"""An image set that a user defined, over its index; images are read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import Pixels, require_split
from mood_sweeps.data.index import Index
from mood_sweeps.data.listing import Definition, PixelReader
from mood_sweeps.data.splits import SPLITS
from mood_sweeps.data.texts import Texts

__all__ = ["IndexedImages", "UserSet"]


@dataclass(frozen=True, eq=False)
class IndexedImages:
    """Labelled images of an index; picklable, so that workers of any kind can read them.

    places: int64 (N,), of the images for ``pixels``.
    """

    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    ids: Texts
    pixels: PixelReader
    places: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: npt.NDArray[np.int64]) -> list[Pixels]:
        """Return the images at ``indices``; InputError names all of them that cannot be read."""
        return self.pixels.read(self.places[indices])

    def take(self, indices: npt.NDArray[np.int64]) -> IndexedImages:
        """Return the images at ``indices``, in this order, without reading any."""
        return IndexedImages(
            self.labels[indices],
            self.class_names,
            self.ids.take(indices),
            self.pixels,
            self.places[indices],
        )


@dataclass(frozen=True, eq=False)
class UserSet:
    """The images of an index, under the name that the experiment file gives them."""

    name: str
    definition: Definition
    index: Index

    @property
    def source(self) -> str:
        """The name."""
        return self.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; one, ``unlabelled``, where there are no labels."""
        return self.index.class_names

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits with an image, and ``all``, which holds the images of every split and none."""
        there = np.unique(self.index.splits).tolist()
        return (*(SPLITS[number] for number in there if number >= 0), "all")

    @property
    def fingerprint(self) -> str:
        """Digest of ids, labels, class names, splits and contents."""
        return self.index.fingerprint

    @property
    def is_sampled(self) -> bool:
        """Whether only some contents are in the fingerprint, and only these were looked at."""
        return self.index.digests is None

    @property
    def note(self) -> str:
        """What the reader of a number has to know of the set; empty if there is nothing."""
        parts = []
        if left_out := len(self.index.left_out):
            total = left_out + len(self.index)
            parts.append(f"{left_out:,} of {total:,} images of {self.name} cannot be read")
        if self.is_sampled:
            parts.append(f"{self.name} is known by names, sizes and a sample of its contents")
        return "; ".join(parts)

    def size(self, split: str) -> int:
        """Return the number of images of a split."""
        return int(np.count_nonzero(self._mask(split)))

    def open(self, split: str) -> IndexedImages:
        """Return the images of a split, in the order of the index."""
        chosen, index = np.flatnonzero(self._mask(split)), self.index
        return IndexedImages(
            index.labels[chosen],
            index.class_names,
            index.ids.take(chosen),
            index.pixels,
            index.places[chosen],
        )

    def content_digests(self, split: str) -> npt.NDArray[np.uint8] | None:
        """Return the digests of the contents of a split, uint8 (N, 32); None if it is sampled."""
        mask = self._mask(split)
        return None if self.index.digests is None else self.index.digests[mask]

    def _mask(self, split: str) -> npt.NDArray[np.bool_]:
        require_split(self.name, split, self.splits)
        if split == "all":
            return np.ones(len(self.index), dtype=np.bool_)
        return np.asarray(self.index.splits == SPLITS.index(split))
