"""Images in npy and npz files: uint8 arrays (N, H, W), gray, or (N, H, W, C) with C = 1 or 3."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.class_labels import ClassNames, LabelsBuilder
from mood_sweeps.data.image_set import Pixels
from mood_sweeps.data.kept_digests import FileState, Found, KeptDigests
from mood_sweeps.data.listing import Contents, Listing, OnCorrupt, Progress
from mood_sweeps.data.sources.array_file import Array, ArrayPlace, members, read_array
from mood_sweeps.data.splits import NOT_GIVEN, SPLITS, Fractions
from mood_sweeps.data.texts import TextsBuilder
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.identity import canonical

__all__ = ["ArrayPart", "ArrayPixels", "ImageArrays"]

_REPORTED = 4_096
_VERSION = b"\1"


@dataclass(frozen=True)
class ArrayPart:
    """An array of images, the array of its labels, and the split that it is.

    labels: None if there are none. split: empty if the images are not of one split. called: what
    ids begin with, such as ``images`` in ``images:12``.
    """

    split: str
    images: ArrayPlace
    labels: ArrayPlace | None
    called: str


@dataclass(frozen=True)
class ImageArrays:
    """The images of arrays, one for each split, or one; labels are whole numbers or texts."""

    form: Literal["npz", "npy"]
    parts: tuple[ArrayPart, ...]
    class_names: ClassNames = ()
    split: Fractions = ()
    on_corrupt: OnCorrupt = "refuse"

    @property
    def content(self) -> str:
        """Canonical JSON of all but the paths."""
        return canonical(
            {
                self.form: [
                    [part.split, part.images.member, part.labels and part.labels.member]
                    for part in self.parts
                ],
                "class_names": self.class_names,
                "split": dict(self.split),
                "on_corrupt": self.on_corrupt,
            }
        )

    def list_images(self) -> Listing:
        """Return the images in the order of the arrays; InputError names every wrong array."""
        problems: list[Problem] = []
        ids, labels, splits = TextsBuilder(), LabelsBuilder(), []
        sizes = []
        for part in self.parts:
            try:
                images = _images(part.images)
                labels.add_all(_labels(part.labels, len(images)))
            except InputError as error:
                problems += error.problems
                continue
            ids.add_all(f"{part.called}:{index}" for index in range(len(images)))
            number = SPLITS.index(part.split) if part.split else NOT_GIVEN
            splits.append(np.full(len(images), number, dtype=np.int8))
            sizes.append((len(images), images[0].nbytes))
        if problems:
            raise InputError(problems)
        numbers, names = labels.build(self.class_names)
        places = tuple(part.images for part in self.parts)
        return Listing(
            ids.build(), numbers, names, np.concatenate(splits), ArrayPixels(places, tuple(sizes))
        )


@dataclass(frozen=True)
class ArrayPixels:
    """Images that are in arrays, one array after another.

    counts: of each array, its images and the bytes of one.
    """

    arrays: tuple[ArrayPlace, ...]
    counts: tuple[tuple[int, int], ...]

    def sizes(self) -> npt.NDArray[np.int64]:
        """Return the bytes of each image, int64 (N,)."""
        return np.concatenate([np.full(n, size, dtype=np.int64) for n, size in self.counts])

    def read(self, places: npt.NDArray[np.int64]) -> list[Pixels]:
        """Return the images at ``places``."""
        return list(self._each(places))

    def contents(
        self, places: npt.NDArray[np.int64], kept: KeptDigests, progress: Progress | None = None
    ) -> Contents:
        """Return digests, uint8 (n, 32), of the sizes and pixels of the images at ``places``."""
        states = [_state(array) for array in self.arrays]
        known = kept.find(states)
        if not all(state.path in known for state in states):
            if len(places) < sum(n for n, _ in self.counts):
                return Contents(self._digests(places, progress), {})
            every = self._digests(np.arange(len(places)), progress)
            rows = np.split(every, np.cumsum([n for n, _ in self.counts])[:-1])
            known = {
                state.path: Found(part.tobytes(), "")
                for state, part in zip(states, rows, strict=True)
            }
            kept.keep([(state, known[state.path]) for state in states])
        joined = b"".join(known[state.path].digests for state in states)
        return Contents(np.frombuffer(joined, dtype=np.uint8).reshape(-1, 32)[places], {})

    def _digests(
        self, places: npt.NDArray[np.int64], progress: Progress | None
    ) -> npt.NDArray[np.uint8]:
        total, done = int(self.sizes()[places].sum()), 0
        digests = bytearray()
        for number, pixels in enumerate(self._each(places), start=1):
            shape = ",".join(map(str, pixels.shape)).encode()
            digests += hashlib.sha256(_VERSION + shape + b"\0" + pixels.tobytes()).digest()
            done += pixels.nbytes
            if progress is not None and (number % _REPORTED == 0 or number == len(places)):
                progress(done, total)
        return np.frombuffer(bytes(digests), dtype=np.uint8).reshape(-1, 32)

    def _each(self, places: npt.NDArray[np.int64]) -> Iterator[Pixels]:
        ends = np.cumsum([n for n, _ in self.counts])
        arrays = [_images(array) for array in self.arrays]
        which = np.searchsorted(ends, places, side="right")
        for number, place in zip(which.tolist(), places.tolist(), strict=True):
            start = int(ends[number]) - self.counts[number][0]
            pixels = np.array(arrays[number][place - start])
            yield pixels if pixels.ndim == 3 else pixels[:, :, None]


def _state(array: ArrayPlace) -> FileState:
    found = os.stat(array.file)
    return FileState(f"{array.file}\0{array.member}", found.st_size, found.st_mtime_ns)


def _images(place: ArrayPlace) -> Array:
    """Return an array of images; InputError for another dtype or shape, or none."""
    _require_member(place)
    array = read_array(place)
    if array.dtype != np.uint8:
        raise InputError(f"{place} must hold uint8, 0 to 255, not {array.dtype}")
    if array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        raise InputError(
            f"{place} has its channels first, {array.shape}: write images.transpose(0, 2, 3, 1)"
        )
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise InputError(f"{place} must be (N, H, W) or (N, H, W, 1 or 3), not {array.shape}")
    if array.size == 0:
        raise InputError(f"{place} is empty: {array.shape}")
    return array


def _labels(place: ArrayPlace | None, n: int) -> Iterator[str]:
    """Return n labels as texts; InputError for an array of another shape or dtype."""
    if place is None:
        return iter([""] * n)
    _require_member(place)
    array = read_array(place)
    if array.shape not in ((n,), (n, 1)):
        raise InputError(f"{place} must be ({n},), one label for each image, not {array.shape}")
    if array.dtype.kind not in "iuU":
        raise InputError(f"{place} must be whole numbers or texts, not {array.dtype}")
    return map(str, array.reshape(-1).tolist())


def _require_member(place: ArrayPlace) -> None:
    if place.member and place.member not in (there := members(place.file)):
        raise InputError(
            f"{place.file} has no array {place.member!r}{did_you_mean(place.member, there)}"
        )
