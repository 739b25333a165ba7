"""Image files that a list or a table names, one a line, made into a listing."""

from __future__ import annotations

import os
import posixpath
from array import array
from pathlib import Path

import numpy as np

from mood_sweeps.data.class_labels import ClassNames, LabelsBuilder
from mood_sweeps.data.image_files import find_files
from mood_sweeps.data.listing import Listing, refuse_named
from mood_sweeps.data.splits import NOT_GIVEN, SPLIT_NAMES, SPLITS, split_called
from mood_sweeps.data.texts import Texts, TextsBuilder

__all__ = ["ListedFiles"]


class ListedFiles:
    """Image files under ``root``, noted line after line with label and split."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._paths, self._labels = TextsBuilder(), LabelsBuilder()
        self._splits = array("b")
        self._problems: list[str] = []
        self._numbers = {"": NOT_GIVEN}

    def add(self, path: str, label: str, split: str, where: str) -> None:
        """Note an image. split: as it is written, or empty; where: ``file:line``, of problems.

        An absolute path has to be under the root, and no path may lead out of it.
        """
        under = self._under_root(path)
        number = self._numbers.get(split)
        if number is None and (called := split_called(split)) is not None:
            number = self._numbers[split] = SPLITS.index(called)
        if under is None:
            self._problems.append(f"{where}: {path!r} is not under {self._root}")
        elif number is None:
            allowed = ", ".join(SPLIT_NAMES)
            self._problems.append(f"{where}: {split!r} is no split; allowed: {allowed}")
        else:
            try:
                self._paths.add(under)
            except UnicodeEncodeError:
                self._problems.append(f"{where}: {path!a} is no UTF-8")
                return
            self._labels.add(label)
            self._splits.append(number)

    def refuse(self, problem: str) -> None:
        """Note what is wrong with a line."""
        self._problems.append(problem)

    def listing(self, class_names: ClassNames) -> Listing:
        """Return the images, sorted by path: the order of the lines makes no other set.

        InputError names lines that are wrong, files that are missing, and those listed twice.
        """
        if self._problems:
            raise refuse_named(self._problems)
        paths = self._paths.build()
        order = paths.order()
        paths = paths.take(order)
        if twice := _repeated(paths):
            raise refuse_named([f"{path!r} is listed twice" for path in twice])
        labels, names = self._labels.build(class_names)
        splits = np.array(self._splits, dtype=np.int8)
        files = find_files(Path(self._root), paths)
        return Listing(paths, labels[order], names, splits[order], files)

    def _under_root(self, path: str) -> str | None:
        if os.path.isabs(path):
            beginning = self._root.rstrip("/") + "/"
            path = posixpath.normpath(path)
            if not path.startswith(beginning):
                return None
            return path.removeprefix(beginning)
        path = posixpath.normpath(path)
        return None if path in (".", "..") or path.startswith("../") else path


def _repeated(paths: Texts) -> list[str]:
    """Return what is there more than once in sorted texts."""
    repeated = []
    before = None
    for path in paths.encoded():
        if path == before:
            repeated.append(path.decode())
        before = path
    return list(dict.fromkeys(repeated))
