"""A folder of images: class folders, folders of splits with class folders, or images alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mood_sweeps.data.class_labels import UNLABELLED
from mood_sweeps.data.image_files import find_files
from mood_sweeps.data.listing import Listing, OnCorrupt, refuse_named
from mood_sweeps.data.splits import NOT_GIVEN, SPLITS, Fractions, split_called
from mood_sweeps.data.texts import TextsBuilder
from mood_sweeps.errors import InputError
from mood_sweeps.identity import canonical

__all__ = ["EXTENSIONS", "Folder"]

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Files that count as images, in small or capital letters: torchvision's list. Others do not."""

_NEVER = "__MACOSX"
_NO_CLASS = ""


@dataclass(frozen=True)
class Folder:
    """The images under ``root``.

    Folders called train, val and test are splits; folders in these, or in the root, are classes,
    with all images in them, however deep. Images right in the root, or in the folder of a split,
    have no label. What is hidden is left out, and so is `__MACOSX`.
    """

    root: Path
    split: Fractions = ()
    on_corrupt: OnCorrupt = "refuse"

    @property
    def content(self) -> str:
        """Canonical JSON of all but the path."""
        return canonical({"folder": "", "split": dict(self.split), "on_corrupt": self.on_corrupt})

    def list_images(self) -> Listing:
        """Return the images, sorted by class, then by path, as torchvision's ImageFolder does.

        InputError names all folders that cannot be read, contain themselves, or are classes
        without an image.
        """
        walk = _Walk(self.root)
        of_splits = _folders_of_splits(self.root, walk)
        paths = TextsBuilder()
        found: list[tuple[str, str, int]] = []
        for split, folder in of_splits:
            for name, of_class in walk.classes(folder):
                paths.add_all(of_class)
                found.append((split, name, len(of_class)))
        names = sorted({name for _, name, _ in found})
        if walk.problems:
            raise refuse_named(walk.problems)
        if not names:
            raise InputError(f"{self.root} holds no image ({' '.join(EXTENSIONS)})")
        if names[0] == _NO_CLASS and len(names) > 1:
            raise InputError(
                f"{self.root} holds class folders, {names[1]!r} among them, and images beside them"
            )
        files = find_files(self.root, paths.build())
        counts = [count for _, _, count in found]
        labels = np.array([names.index(name) for _, name, _ in found], dtype=np.int64)
        splits = [SPLITS.index(split) if split else NOT_GIVEN for split, _, _ in found]
        return Listing(
            files.paths,
            np.repeat(labels, counts),
            (UNLABELLED,) if names[0] == _NO_CLASS else tuple(names),
            np.repeat(np.array(splits, dtype=np.int8), counts),
            files,
        )


class _Walk:
    """Looks into folders under one root, and notes what is wrong with them."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self.problems: list[str] = []

    def entries(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the folders and the images in a folder under the root, sorted by name."""
        folders, images = [], []
        try:
            with os.scandir(os.path.join(self._root, folder)) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name == _NEVER:
                        continue
                    if not _is_utf8(entry.name):
                        self.problems.append(f"{entry.path!a}: its name is no UTF-8")
                    elif entry.is_dir():
                        folders.append(entry.name)
                    elif entry.name.lower().endswith(EXTENSIONS):
                        images.append(entry.name)
        except OSError as error:
            self.problems.append(f"{os.path.join(self._root, folder)}: {error.strerror}")
        return sorted(folders), sorted(images)

    def classes(self, folder: str) -> Iterator[tuple[str, list[str]]]:
        """Yield each class in a folder with the paths of its images under the root."""
        names, images = self.entries(folder)
        if images:
            yield _NO_CLASS, [os.path.join(folder, image) for image in images]
        for name in names:
            before = len(self.problems)
            inner = os.path.join(folder, name)
            paths = list(self._below(inner, ()))
            if not paths and len(self.problems) == before:
                self.problems.append(
                    f"{os.path.join(self._root, inner)}: the class {name!r} has no image "
                    f"({' '.join(EXTENSIONS)})"
                )
            yield name, paths

    def _below(self, folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
        """Yield the images in a folder and in those inside it, unless it is one of ``above``."""
        try:
            found = os.stat(os.path.join(self._root, folder))
        except OSError as error:
            self.problems.append(f"{os.path.join(self._root, folder)}: {error.strerror}")
            return
        here = (found.st_dev, found.st_ino)
        if here in above:
            self.problems.append(f"{os.path.join(self._root, folder)}: it is inside itself")
            return
        names, images = self.entries(folder)
        yield from (os.path.join(folder, image) for image in images)
        for name in names:
            yield from self._below(os.path.join(folder, name), (*above, here))


def _folders_of_splits(root: Path, walk: _Walk) -> list[tuple[str, str]]:
    """Return splits and their folders under the root; one without a split if there are none."""
    names, images = walk.entries("")
    of_split = {name: split for name in names if (split := split_called(name)) is not None}
    others = [name for name in names if name not in of_split]
    if not of_split or images or (others and len(set(of_split.values())) == 1):
        return [("", "")]  # a class may be called train
    if others:
        raise InputError(
            f"{root} holds the splits {', '.join(of_split)} and also {others[0]!r}, which is none: "
            "name the folder that holds only splits, or only classes"
        )
    if len(set(of_split.values())) < len(of_split):
        raise InputError(f"{root} holds two folders of one split: {', '.join(of_split)}")
    return sorted(((split, name) for name, split in of_split.items()), key=_place)


def _place(found: tuple[str, str]) -> int:
    return SPLITS.index(found[0])


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
