"""Parts of an image set: some of its classes, or some images of each split.

The mapping ``{set: cifar10, classes: [cat, dog], take: 1000}`` says the same as the text
``cifar10:cat+dog~1000``. In the text, ``%``, ``+`` and ``~`` of a class name are written as in an
address: ``%25``, ``%2B``, ``%7E``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.fingerprints import hash_ids
from mood_sweeps.data.image_set import ImageSet, LabelledImages, Pixels, require_split
from mood_sweeps.data.texts import Texts, TextsBuilder
from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.identity import key_of

__all__ = [
    "Request",
    "SelectedSet",
    "class_texts",
    "note_of",
    "parse_name",
    "select",
    "selection_name",
]

_FIELDS = ("set", "classes", "take")


class Request(NamedTuple):
    """A name of an image set, taken apart.

    classes: the text after the colon, None if there is none. take: images of each split, or None.
    """

    source: str
    classes: str | None
    take: int | None


def parse_name(name: str) -> Request:
    """Take ``source``, ``source:classes`` or either with ``~n`` apart; InputError for a wrong n."""
    rest, tilde, number = name.partition("~")
    source, colon, classes = rest.partition(":")
    if tilde and not re.fullmatch(r"[1-9][0-9]{0,17}", number):
        raise InputError(f"image set {name!r}: {number!r} is no number of images")
    return Request(source, classes if colon else None, int(number) if tilde else None)


def selection_name(raw: Mapping[str, Any]) -> str:
    """Return the text that says what a mapping says; `image_set` brings it into canonical form.

    Raises InputError with all that is wrong with the mapping; ``inside`` leads to the field.
    """
    problems = [
        Problem(f"unknown field {key!r}{did_you_mean(str(key), _FIELDS)}", inside=(key,))
        for key in raw
        if key not in _FIELDS
    ]
    source, classes, take = (raw.get(key) for key in _FIELDS)
    if not isinstance(source, str) or not source or re.search("[:~]", source):
        message = f"set is not {source!r} but the name of an image set without a selection"
        problems.append(Problem(message, inside=("set",)))
    name = str(source)
    if classes is not None:
        listed = list(classes) if isinstance(classes, list | tuple) else [classes]
        for index, one in enumerate(listed):
            if isinstance(one, bool) or not isinstance(one, str | int) or one == "":
                problems.append(Problem(f"{one!r} is no class", inside=("classes", index)))
        if not listed:
            problems.append(Problem("classes lists no class", inside=("classes",)))
        name += ":" + "+".join(_quoted(str(one)) for one in listed)
    if take is not None:
        if isinstance(take, bool) or not isinstance(take, int) or take < 1:
            message = f"take is not {take!r} but a number of images"
            problems.append(Problem(message, inside=("take",)))
        name += f"~{take}"
    if problems:
        raise InputError(problems)
    return name


def class_texts(classes: str) -> list[str]:
    """Return the parts of what follows the colon of a name."""
    return [_unquoted(part) for part in classes.split("+")]


def select(parent: ImageSet, classes: str | None, take: int | None) -> ImageSet:
    """Return a part of a set; the set itself where all of it is asked for.

    classes: names joined by ``+``, or ranges such as ``0-5`` where they are numbers.
    Raises InputError for an unknown class, or one that is listed twice.
    """
    chosen = parent.classes
    if classes is not None:
        chosen = _chosen(parent, class_texts(classes))
    if chosen == parent.classes and take is None:
        return parent
    return SelectedSet(parent, chosen, take)


@dataclass(frozen=True, eq=False)
class SelectedSet:
    """The images of some classes of a set, and of each split those with the smallest hashes.

    chosen: names of classes, in the order of the parent. take: at most so many images of each
    split, None for all. Which are taken depends on the ids of the selected images alone. Images
    keep the ids that they have in the parent.
    """

    parent: ImageSet
    chosen: tuple[str, ...]
    take: int | None = None

    @property
    def name(self) -> str:
        """Canonical: classes in the order of the parent, none named where all are chosen."""
        name = self.parent.name
        if self.chosen != self.parent.classes:
            name += ":" + "+".join(map(_quoted, self.chosen))
        return name if self.take is None else f"{name}~{self.take}"

    @property
    def source(self) -> str:
        """That of the parent."""
        return self.parent.source

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the chosen classes."""
        return self.chosen

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the parent."""
        return self.parent.splits

    @property
    def fingerprint(self) -> str:
        """Digest of the parent's, the classes and the number."""
        return key_of({"of": self.parent.fingerprint, "classes": self.chosen, "take": self.take})

    def size(self, split: str) -> int:
        """Return the number of images of a split."""
        return len(self.places(split))

    def places(self, split: str) -> npt.NDArray[np.int64]:
        """Return the places of the images in the same split of the parent, ascending."""
        require_split(self.name, split, self.splits)
        return self._places(self.parent.open(split))

    def open(self, split: str) -> LabelledImages:
        """Return the images of a split, in the order of the parent."""
        require_split(self.name, split, self.splits)
        images = self.parent.open(split)
        return _Relabelled(images.take(self._places(images)), self.chosen)

    def _places(self, images: LabelledImages) -> npt.NDArray[np.int64]:
        places = np.flatnonzero(_new_labels(images, self.chosen)[images.labels] >= 0)
        if self.take is None or len(places) <= self.take:
            return places
        ids = images.ids
        texts = ids if isinstance(ids, Texts) else TextsBuilder().add_all(ids).build()
        order = np.argsort(hash_ids(texts.take(places)), kind="stable")
        return np.sort(places[order[: self.take]])


def note_of(images: ImageSet) -> str:
    """Return what the reader of a number has to know of a set; empty if there is nothing."""
    if isinstance(images, SelectedSet):
        return note_of(images.parent)
    return images.note if isinstance(images, UserSet) else ""


@dataclass(frozen=True, eq=False)
class _Relabelled:
    """Images with labels of some of their classes."""

    images: LabelledImages
    class_names: tuple[str, ...]

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return _new_labels(self.images, self.class_names)[self.images.labels]

    @property
    def ids(self) -> Sequence[str]:
        return self.images.ids

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: npt.NDArray[np.int64]) -> list[Pixels]:
        return self.images.read(indices)

    def take(self, indices: npt.NDArray[np.int64]) -> _Relabelled:
        return _Relabelled(self.images.take(indices), self.class_names)


def _new_labels(images: LabelledImages, chosen: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the label among ``chosen`` of each class of ``images``, -1 where it is not chosen."""
    number = {name: label for label, name in enumerate(chosen)}
    return np.array([number.get(name, -1) for name in images.class_names], dtype=np.int64)


def _chosen(parent: ImageSet, texts: Iterable[str]) -> tuple[str, ...]:
    there, numbers = set(parent.classes), _by_number(parent.classes)
    named: list[str] = []
    problems: list[Problem] = []
    for text in texts:
        found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", text)
        if text in there:
            named.append(text)
        elif found and numbers and (within := _within(numbers, int(found[1]), int(found[2]))):
            named += within
        else:
            hint = did_you_mean(text, parent.classes)
            problems.append(Problem(f"image set {parent.name!r} has no class {text!r}{hint}"))
    for name in dict.fromkeys(name for name in named if named.count(name) > 1):
        problems.append(Problem(f"image set {parent.name!r}: the class {name!r} is listed twice"))
    if problems:
        raise InputError(problems)
    return tuple(name for name in parent.classes if name in set(named))


def _by_number(classes: Sequence[str]) -> dict[int, str]:
    """Return classes by the numbers that they are called, or nothing where some are not."""
    whole = all(re.fullmatch(r"[0-9]{1,18}", name) for name in classes)
    return {int(name): name for name in classes} if whole else {}


def _within(numbers: Mapping[int, str], first: int, last: int) -> list[str]:
    """Return the classes from ``first`` to ``last`` if both are there."""
    if first not in numbers or last not in numbers:
        return []
    return [numbers[number] for number in sorted(numbers) if first <= number <= last]


def _quoted(name: str) -> str:
    return re.sub("[%+~]", lambda found: f"%{ord(found[0]):02X}", name)


def _unquoted(text: str) -> str:
    return re.sub("%(25|2B|7E)", lambda found: chr(int(found[1], 16)), text)
