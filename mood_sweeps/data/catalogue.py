"""The image sets a sweep can name: ``digits``, ``digits:0-5``, ``photos``, …"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.index import index_images
from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.data.listing import Definition, Progress
from mood_sweeps.data.selections import class_texts, parse_name, select
from mood_sweeps.data.sources.digits import Digits, select_digits
from mood_sweeps.data.sources.noise import GAUSSIAN, UNIFORM
from mood_sweeps.data.sources.photos import Photos
from mood_sweeps.data.sources.shapes import SHAPES
from mood_sweeps.data.sources.strokes import STROKES
from mood_sweeps.data.sources.textures import TEXTURES
from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError

__all__ = ["DATASETS", "ImageSets", "Source", "image_set", "problem_with_name"]


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


@dataclass(eq=False)
class ImageSets:
    """Finds image sets by name: built-in ones and those that a user defined, each indexed once.

    definitions: by name. kept: digests that were computed before, and will be kept. progress: told
    how far the reading of contents is. full: names of sets of which all contents are read, however
    many there are. For as long as this object lives, a set stays as it was when it was first found.
    """

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    kept: KeptDigests = field(default_factory=KeptDigests)
    progress: Progress | None = None
    full: frozenset[str] = frozenset()
    _found: dict[str, UserSet] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, name: str) -> ImageSet:
        """Return the image set called ``name``: a source, or ``source:classes``, or with ``~n``.

        Raises InputError for an unknown source, a selection that the source cannot make, and all
        that is wrong with the images of a defined set.
        """
        source, classes, take = parse_name(name)
        if source in self.definitions:
            return select(self._defined(source), classes, take)
        whole = _built_in(name, source, classes, (*DATASETS, *self.definitions))
        return whole if take is None else select(whole, None, take)

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprints of the defined sets that were found so far, by name."""
        return {name: found.fingerprint for name, found in sorted(self._found.items())}

    def _defined(self, name: str) -> UserSet:
        if name not in self._found:
            definition, full = self.definitions[name], name in self.full
            try:
                index = index_images(definition, self.kept, self.progress, full)
            except InputError as error:
                raise InputError(
                    dataclasses.replace(one, message=f"image set {name!r}: {one.message}")
                    for one in error.problems
                ) from None
            self._found[name] = UserSet(name, definition, index)
        return self._found[name]


def image_set(name: str, definitions: Mapping[str, Definition] | None = None) -> ImageSet:
    """Return the image set called ``name`` as `ImageSets` does, with nothing kept."""
    return ImageSets(definitions or {})(name)


def problem_with_name(name: str) -> str:
    """Return why a user cannot define a set of this name, or an empty text."""
    if name in DATASETS:
        return f"there is a built-in image set {name!r}; rename yours"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        return f"{name!r} is no name of an image set: write letters, digits, and _ . - between them"
    return ""


def _built_in(name: str, source: str, classes: str | None, known: Iterable[str]) -> ImageSet:
    if source not in DATASETS:
        raise InputError(f"unknown image set {name!r}{did_you_mean(source, known)}")
    found = DATASETS[source]
    if classes is None:
        return found.whole
    if found.select is None:
        raise InputError(f"image set {name!r}: {source} has no classes to select; write {source!r}")
    return found.select(",".join(class_texts(classes)))
