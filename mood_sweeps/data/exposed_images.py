"""Images of an OOD set that a network trains with, and test images to leave out for that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import ImageSet, LabelledImages
from mood_sweeps.identity import derive_seed

__all__ = ["Exposure", "Indices", "exposed_among", "sample_indices", "smallest_class"]

_AT_ONCE = 256

Indices = tuple[int, ...]
"""Indices of images in the ``all`` split of their set, ascending."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """The images of an OOD set that a sweep trains with: k of each class, drawn by each seed."""

    images: ImageSet
    k: int
    seeds: tuple[int, ...]


def sample_indices(images: LabelledImages, k: int, seed: int) -> Indices:
    """Return the indices of k images of each class, or of all images of a smaller class.

    images: an ``all`` split. The draw from a class depends on the class and the seed alone, and the
    draw for a smaller k is a subset of that for a larger k.
    """
    return tuple(sorted(index for drawn in _draws(images, k, seed) for index in drawn))


def exposed_among(tested: ImageSet, exposures: Iterable[Exposure]) -> Indices:
    """Return the indices in ``tested`` of all images, copies included, that any exposure draws.

    Images are compared by their pixels, and only with exposures of the same source: only sets of
    one source can share images.
    """
    exposed: set[bytes] = set()
    for exposure in exposures:
        if exposure.images.source == tested.source:
            pool = exposure.images.open("all")
            for seed in exposure.seeds:
                indices = np.array(sample_indices(pool, exposure.k, seed), dtype=np.int64)
                exposed.update(_digests(pool, indices))
    if not exposed:
        return ()
    candidates = tested.open("all")
    digests = _digests(candidates, np.arange(len(candidates)))
    return tuple(index for index, digest in enumerate(digests) if digest in exposed)


def smallest_class(images: LabelledImages, left_out: Indices = ()) -> tuple[str, int]:
    """Return the class with the fewest images, without those left out, and their number."""
    labels = np.delete(images.labels, left_out)
    counts = np.bincount(labels, minlength=len(images.class_names))
    return images.class_names[counts.argmin()], int(counts.min())


def _draws(images: LabelledImages, k: int, seed: int) -> Iterator[list[int]]:
    """Yield the indices drawn from each class."""
    for label, name in enumerate(images.class_names):
        # RandomState, because its streams never change (NEP 19) and Generator's may.
        stream = divmod(derive_seed(seed, "exposure", name), 2**32)
        members = np.flatnonzero(images.labels == label)
        yield np.random.RandomState(stream).permutation(members)[:k].tolist()


def _digests(images: LabelledImages, indices: npt.NDArray[np.int64]) -> Iterator[bytes]:
    """Yield a digest of the size and the pixels of each image, few images in memory at a time."""
    for part in np.array_split(indices, range(_AT_ONCE, len(indices), _AT_ONCE)):
        for pixels in images.read(part):
            yield hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).digest()
