"""Images of an OOD set that a network is trained with, and what may not be tested on for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import ImageSet, LabelledImages
from mood_sweeps.identity import derive_seed

__all__ = ["Exposure", "Indices", "exposed_among", "sample_indices", "smallest_class"]

Indices = tuple[int, ...]
"""Places of images in the ``all`` split of their set, ascending."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """What networks of a sweep see of an OOD set: k images of each class, drawn by each seed."""

    images: ImageSet
    k: int
    seeds: tuple[int, ...]


def sample_indices(images: LabelledImages, k: int, seed: int) -> Indices:
    """Return k places of each class, or all of a smaller one.

    images: an ``all`` split. What is drawn of a class depends on the class and the seed alone, and
    that of a smaller k is part of that of a larger one.
    """
    return tuple(sorted(place for members in _by_class(images, k, seed) for place in members))


def exposed_among(tested: ImageSet, exposures: Iterable[Exposure]) -> Indices:
    """Return the places in ``tested`` of all images, copies included, that any exposure draws.

    Images are compared by their pixels, with sets of the same source: sets that share a class share
    its images.
    """
    shown: set[bytes] = set()
    for exposure in exposures:
        if exposure.images.source == tested.source:
            pool = exposure.images.load("all")
            for seed in exposure.seeds:
                places = np.array(sample_indices(pool, exposure.k, seed), dtype=np.int64)
                shown.update(_pixels(pool.take(places).images))
    if not shown:
        return ()
    among = enumerate(_pixels(tested.load("all").images))
    return tuple(place for place, pixels in among if pixels in shown)


def smallest_class(images: LabelledImages, left_out: Indices = ()) -> tuple[str, int]:
    """Return the class with the fewest images besides those left out, and how many it has."""
    labels = np.delete(images.labels, left_out)
    counts = np.bincount(labels, minlength=len(images.class_names))
    return images.class_names[counts.argmin()], int(counts.min())


def _by_class(images: LabelledImages, k: int, seed: int) -> Iterator[list[int]]:
    for label, name in enumerate(images.class_names):
        # RandomState, because its streams are frozen for good (NEP 19) and Generator's are not.
        stream = divmod(derive_seed(seed, "exposure", name), 2**32)
        members = np.flatnonzero(images.labels == label)
        yield np.random.RandomState(stream).permutation(members)[:k].tolist()


def _pixels(images: npt.NDArray[np.uint8]) -> list[bytes]:
    shape = str(images.shape[1:]).encode()
    return [shape + image.tobytes() for image in images]
