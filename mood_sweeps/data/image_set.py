"""The contract of an image set: labelled uint8 images with fixed splits and a content digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError
from mood_sweeps.identity import key_of

__all__ = [
    "ID_SPLITS",
    "OOD_SPLITS",
    "ImageArray",
    "ImageSet",
    "LabelledImages",
    "Pixels",
    "digest_of_ids",
    "require_split",
]

ID_SPLITS = ("train", "val", "test", "all")
"""Splits of a set that can be in-distribution; as an OOD set it is used whole, as ``all``."""

OOD_SPLITS = ("all",)
"""Splits of a set that can only be out-of-distribution."""


Pixels = npt.NDArray[np.uint8]
"""One image, (H, W, C) with C = 1 (gray) or 3 (RGB)."""


class LabelledImages(Protocol):
    """The images of one split in a fixed order; pixels are read when they are asked for.

    labels: int64 (N,); 0..K-1 in the order of ``class_names``. class_names: K names. ids: N texts,
    each stable and unique in its source: the path under the root of a folder, or source:index.
    """

    @property
    def labels(self) -> npt.NDArray[np.int64]: ...  # noqa: D102

    @property
    def class_names(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def ids(self) -> Sequence[str]: ...  # noqa: D102

    def __len__(self) -> int: ...

    def read(self, indices: npt.NDArray[np.int64]) -> list[Pixels]:
        """Return the images at ``indices``, int64 (n,), in this order; sizes may differ."""
        ...

    def take(self, indices: npt.NDArray[np.int64]) -> LabelledImages:
        """Return the images at ``indices``, int64 (n,), in this order, without reading any."""
        ...


@dataclass(frozen=True, eq=False)
class ImageArray:
    """Labelled images of one size in memory: uint8 (N, H, W, C) with C = 1 (gray) or 3 (RGB)."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.ids):
            raise ValueError("images, labels and ids differ in number")

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: npt.NDArray[np.int64]) -> list[Pixels]:
        """Return the images at ``indices``, int64 (n,), in this order."""
        return list(self.images[indices])

    def take(self, indices: npt.NDArray[np.int64]) -> ImageArray:
        """Return the images at ``indices``, int64 (n,), in this order."""
        ids = tuple(self.ids[index] for index in indices)
        return ImageArray(self.images[indices], self.labels[indices], self.class_names, ids)


class ImageSet(Protocol):
    """A set of labelled images, named as in a sweep file.

    name: canonical name, such as ``digits:0-5``; two spellings of one set have one name.
    source: where its images come from, such as ``digits``.
    classes: its class names within the source. An ID set and an OOD set of one source must not
        share a class.
    splits: arguments of ``size`` and ``open``: ``ID_SPLITS`` or ``OOD_SPLITS``. Splits depend
        only on the set: paired tests across seeds need the same images.
    fingerprint: hexadecimal SHA-256 of all that determines the images and their splits.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def source(self) -> str: ...  # noqa: D102

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def splits(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def size(self, split: str) -> int:
        """Return the number of images of a split; InputError if there is no such split."""
        ...

    def open(self, split: str) -> LabelledImages:
        """Return the images of a split in a fixed order; InputError if there is no such split."""
        ...


def digest_of_ids(ids: Sequence[str]) -> str:
    """Return the hexadecimal SHA-256 of the ids of some images, in their order."""
    return key_of(list(ids))


def require_split(name: str, split: str, splits: tuple[str, ...]) -> None:
    """Raise InputError unless ``split`` is one of ``splits`` of the image set ``name``."""
    if split not in splits:
        raise InputError(f"image set {name!r} has no split {split!r}; allowed: {', '.join(splits)}")
