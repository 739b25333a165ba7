"""The image sets a sweep can name: ``digits``, ``digits:0-5``, ``photos``, …"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.image_set import ImageSet, PlannedSet
from mood_sweeps.data.sources.digits import Digits, select_digits
from mood_sweeps.data.sources.noise import GAUSSIAN, UNIFORM
from mood_sweeps.data.sources.photos import Photos
from mood_sweeps.data.sources.shapes import SHAPES
from mood_sweeps.data.sources.strokes import STROKES
from mood_sweeps.data.sources.textures import TEXTURES
from mood_sweeps.errors import InputError

__all__ = ["DATASETS", "Source", "image_set", "open_planned"]


@dataclass(frozen=True)
class Source:
    """Where image sets come from.

    description: one line for people. whole: the set of all its images.
    select: parses the part of a name after the colon; None if nothing can be selected.
    """

    description: str
    whole: ImageSet
    select: Callable[[str], ImageSet] | None = None


DATASETS: dict[str, Source] = {
    "digits": Source("handwritten digits, 8×8, real; classes 0-9", Digits(), select_digits),
    "photos": Source("patches of two photographs, 40×40 RGB, real", Photos()),
    "textures": Source("stripes, checks, dots, ripples, clouds; 16×16, generated", TEXTURES),
    "shapes": Source("disc, ring, square, triangle, cross; 16×16, generated", SHAPES),
    "strokes": Source("angle, tee, zigzag, fork, bow, wave; 16×16, generated, labelled", STROKES),
    "gaussian": Source("Gaussian noise, 8×8, generated", GAUSSIAN),
    "uniform": Source("uniform noise, 8×8, generated", UNIFORM),
}


def image_set(name: str) -> ImageSet:
    """Return the image set called ``name``: a source, or ``source:classes``.

    Raises InputError for an unknown source or a selection the source cannot make.
    """
    source_name, colon, selection = name.partition(":")
    if source_name not in DATASETS:
        raise InputError(f"unknown image set {name!r}{did_you_mean(source_name, DATASETS)}")
    source = DATASETS[source_name]
    if not colon:
        return source.whole
    if source.select is None:
        raise InputError(
            f"image set {name!r}: {source_name} has no classes to select; write {source_name!r}"
        )
    return source.select(selection)


def open_planned(planned: PlannedSet) -> ImageSet:
    """Return the image set that was planned, on whichever machine this runs.

    Raises InputError if it is no longer what it was when it was planned.
    """
    images = image_set(planned.name)
    if images.fingerprint != planned.fingerprint:
        raise InputError(f"image set {planned.name!r} has changed since it was planned")
    return images
