"""The index of a set that a user defined: its images with labels, splits and digests, none open."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.fingerprints import MOST_FULL, index_digest, sampled_places
from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.data.listing import Definition, Listing, PixelReader, Progress, refuse_named
from mood_sweeps.data.splits import SPLITS, draw_splits, problem_with
from mood_sweeps.data.texts import Texts
from mood_sweeps.errors import InputError

__all__ = ["Index", "index_images"]

_MOST_CLASSES_NAMED = 10


@dataclass(frozen=True, eq=False)
class Index:
    """Images in a canonical order, as columns: a million of them take about 100 MB.

    digests: of the contents, uint8 (N, 32); None where only some were read. left_out: ids of images
    that cannot be read, and why. places: int64 (N,), of the images for ``pixels``.
    """

    ids: Texts
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    splits: npt.NDArray[np.int8]
    pixels: PixelReader
    places: npt.NDArray[np.int64]
    digests: npt.NDArray[np.uint8] | None
    left_out: tuple[tuple[str, str], ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ids)


def index_images(
    definition: Definition,
    kept: KeptDigests | None = None,
    progress: Progress | None = None,
    full: bool = False,
) -> Index:
    """List a source, read the contents of its images, and draw splits where none are given.

    Contents of a set of more than ``MOST_FULL`` images are sampled, unless ``full`` says not to,
    splits are drawn by content, or images that cannot be read are to be left out.
    Raises InputError with all that is wrong: files that are missing, no images, without a class …
    """
    listing = definition.list_images()
    if definition.split and (problem := problem_with(definition.split, listing.splits)):
        raise InputError(f"split: {problem}")
    read_all = full or bool(definition.split) or definition.on_corrupt == "skip"
    is_sampled = len(listing) > MOST_FULL and not read_all
    places = sampled_places(listing.ids) if is_sampled else np.arange(len(listing))
    contents = listing.pixels.contents(places, kept or KeptDigests(), progress)
    left_out = tuple(
        (listing.ids[int(places[index])], why) for index, why in contents.unreadable.items()
    )
    if left_out and definition.on_corrupt == "refuse":
        raise refuse_named([f"{path}: {why}" for path, why in left_out])
    digests = contents.digests
    there = np.arange(len(listing))
    if left_out:
        there = np.delete(there, list(contents.unreadable))
        listing, digests = listing.take(there), digests[there]
    if definition.split:
        drawn = draw_splits(listing.splits, definition.split, digests)
        listing = dataclasses.replace(listing, splits=drawn)
    _check_classes(listing)
    return Index(
        ids=listing.ids,
        labels=listing.labels,
        class_names=listing.class_names,
        splits=listing.splits,
        pixels=listing.pixels,
        places=there,
        digests=None if is_sampled else digests,
        left_out=left_out,
        fingerprint=index_digest(listing, digests, is_sampled),
    )


def _check_classes(listing: Listing) -> None:
    """Raise InputError for classes without an image, in train where there is such a split."""
    counted = listing.splits == SPLITS.index("train")
    where = "in train"
    if not counted.any():
        counted, where = np.ones(len(listing), dtype=np.bool_), "that can be read"
    counts = np.bincount(listing.labels[counted], minlength=len(listing.class_names))
    empty = [listing.class_names[label] for label in np.flatnonzero(counts == 0)]
    if empty:
        named = ", ".join(map(repr, empty[:_MOST_CLASSES_NAMED]))
        more = len(empty) - _MOST_CLASSES_NAMED
        named += f" and {more:,} more" if more > 0 else ""
        raise InputError(f"no image {where} is of class {named}")
