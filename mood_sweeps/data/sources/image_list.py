"""Lists of images, one a line: ``path label``, as OpenOOD and MOODv2 write them, or the path alone.

A line with a tab is cut there, else at its last space, unless what follows that ends a file name
(``my photo.jpg``). Lines that are empty are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.data.class_labels import ClassNames
from mood_sweeps.data.definition_fields import Parts
from mood_sweeps.data.listing import Listing, OnCorrupt
from mood_sweeps.data.sources.folder import EXTENSIONS
from mood_sweeps.data.sources.listed_files import ListedFiles
from mood_sweeps.data.splits import Fractions
from mood_sweeps.errors import InputError
from mood_sweeps.identity import canonical

__all__ = ["ImageList"]


@dataclass(frozen=True)
class ImageList:
    """The images that lists name, with their paths under ``root``; a list for each split, or one.

    class_names: names for labels that are numbers; the labels themselves if there are none.
    """

    files: Parts
    root: Path
    class_names: ClassNames = ()
    split: Fractions = ()
    on_corrupt: OnCorrupt = "refuse"

    @property
    def content(self) -> str:
        """Canonical JSON of all but the paths."""
        return canonical(
            {
                "list": [split for split, _ in self.files],
                "class_names": self.class_names,
                "split": dict(self.split),
                "on_corrupt": self.on_corrupt,
            }
        )

    def list_images(self) -> Listing:
        """Return the images, sorted by path; InputError as `ListedFiles` says."""
        listed = ListedFiles(self.root)
        for split, file in self.files:
            for number, line in _lines(file):
                where = f"{file}:{number}"
                path, label = _cut(line)
                if "{" in line and line.endswith("}"):  # OpenOOD takes a Python dict, too
                    listed.refuse(f"{where}: write a label instead of {line[:60]!r}")
                else:
                    listed.add(path, label, split, where)
        return listed.listing(self.class_names)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines with something in them, and their numbers."""
    number = 0
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line := line.strip():
                    yield number, line
    except UnicodeDecodeError:
        raise InputError(f"{file}:{number + 1}: it is no UTF-8 text") from None
    if number == 0:
        raise InputError(f"{file}: the list is empty")


def _cut(line: str) -> tuple[str, str]:
    """Return the path and the label, which may be empty."""
    if "\t" in line:
        path, _, label = line.partition("\t")
        return path.strip(), label.strip()
    path, space, label = line.rpartition(" ")
    if not space or label.lower().endswith(EXTENSIONS):
        return line, ""
    return path.rstrip(), label
