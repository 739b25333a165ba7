"""Labels as people write them, texts or any numbers, as 0..K-1 and class names."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from mood_sweeps.errors import InputError, Problem

__all__ = ["UNLABELLED", "ClassNames", "LabelsBuilder", "in_natural_order"]

UNLABELLED = "unlabelled"
"""The one class of images that have no label."""

ClassNames = tuple[tuple[str, str], ...]
"""A label as it is written and the name of its class, in the order of the classes."""

_MOST_NAMED = 20
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.0+)?")


class LabelsBuilder:
    """The labels of a set, one after another, as texts; numbers are written in decimal."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._labels = array("q")

    def add(self, label: str) -> None:
        """Append the label of an image; empty if it has none."""
        self._labels.append(self._codes.setdefault(label, len(self._codes)))

    def add_all(self, labels: Iterable[str]) -> None:
        """Append labels."""
        for label in labels:
            self.add(label)

    def build(self, class_names: ClassNames = ()) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """Return the labels, int64 (N,), and the names of the classes.

        Classes are sorted, numbers by value, if no ``class_names`` are given. An image without a
        label, or with -1, OpenOOD's word for it, must not be among others that have one.
        Raises InputError for that, and for labels that ``class_names`` lacks or does not need.
        """
        written = {label: _plain_number(label) for label in self._codes}
        without = [label for label, plain in written.items() if plain in ("", "-1")]
        if without and len(without) < len(written):
            raise InputError(
                f"some images have the label {without[0]!r}, which is no label, and others have "
                "one: give every image a label, or none"
            )
        if without:
            return np.zeros(len(self._labels), dtype=np.int64), (UNLABELLED,)
        names = dict(class_names) or {label: label for label in in_natural_order(written.values())}
        _check_names(names, set(written.values()))
        number = {label: index for index, label in enumerate(names)}
        table = np.array([number[plain] for plain in written.values()], dtype=np.int64)
        codes = np.array(self._labels, dtype=np.int64)
        return table[codes] if len(codes) else codes, tuple(names.values())


def in_natural_order(labels: Iterable[str]) -> list[str]:
    """Return distinct labels in order: numbers by value if all are whole numbers, else as text."""
    distinct = set(labels)
    numbers = all(_WHOLE_NUMBER.fullmatch(label) for label in distinct)
    return sorted(distinct, key=int) if numbers else sorted(distinct)


def _plain_number(label: str) -> str:
    """Return ``3`` for ``3.0``, as tables write whole numbers in a column that has gaps."""
    return label.partition(".")[0] if _WHOLE_NUMBER.fullmatch(label) else label


def _check_names(names: dict[str, str], labels: set[str]) -> None:
    problems = []
    if unnamed := in_natural_order(labels - set(names)):
        problems.append(f"class_names has no name for {_shown(unnamed)}")
    if unused := [names[label] for label in names if label not in labels]:
        problems.append(f"no image is of class {_shown(unused)}")
    if problems:
        raise InputError(Problem(problem) for problem in problems)


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MOST_NAMED:,} more" if len(labels) > _MOST_NAMED else ""
    return ", ".join(map(repr, labels[:_MOST_NAMED])) + more
