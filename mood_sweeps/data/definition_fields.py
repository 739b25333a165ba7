"""The fields of one definition of images, as they are written in an experiment file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.class_labels import ClassNames
from mood_sweeps.data.listing import OnCorrupt
from mood_sweeps.data.splits import SPLIT_NAMES, SPLITS, Fractions, split_called
from mood_sweeps.errors import InputError, Problem

__all__ = ["Fields", "Parts"]

Parts = tuple[tuple[str, Path], ...]
"""Files and the split that each of them is; an empty split if the one file is not of one."""

_Value = TypeVar("_Value")


class Fields:
    """Reads a mapping field by field; notes what is wrong, and raises it at the end.

    folder: of the experiment file, where relative paths begin. roots: where they are looked for
    next. A field that is wrong is read as something harmless of its type.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        allowed: Sequence[str],
        folder: Path,
        roots: Sequence[Path],
    ) -> None:
        self._raw, self._places = raw, (folder, *roots)
        self._problems: list[Problem] = []
        for key in raw:
            if key not in allowed:
                self.note(f"unknown field {key!r}{did_you_mean(str(key), allowed)}", key)

    def note(self, message: str, *inside: str | int) -> None:
        """Note what is wrong with the field ``inside``."""
        self._problems.append(Problem(message, inside=inside))

    def finished(self, value: _Value) -> _Value:
        """Return ``value``; InputError with all that was noted."""
        if self._problems:
            raise InputError(self._problems)
        return value

    def __contains__(self, key: str) -> bool:
        return self._raw.get(key) is not None

    def is_mapping(self, key: str) -> bool:
        """Say whether the field is a mapping."""
        return isinstance(self._raw.get(key), Mapping)

    def text(self, key: str, default: str = "") -> str:
        """Return a text; a number that a name may look like counts as its digits."""
        return self._text_of(self._raw.get(key), default, key)

    def texts_of_splits(self, key: str, default: str) -> dict[str, str]:
        """Return a text for each split, or one for the split ``""``."""
        value = self._raw.get(key)
        if not isinstance(value, Mapping):
            return {"": self.text(key, default)}
        return {
            split: self._text_of(text, default, key, name)
            for split, name, text in self._by_split(key, value)
        }

    def path(self, key: str, kind: Literal["file", "folder"]) -> Path:
        """Return the path of a file or folder that exists."""
        return self._path_of(self._raw.get(key), kind, key)

    def files(self, key: str) -> Parts:
        """Return the path of one file, or those of the files of splits."""
        value = self._raw.get(key)
        if not isinstance(value, Mapping):
            return (("", self.path(key, "file")),)
        return tuple(
            (split, self._path_of(path, "file", key, name))
            for split, name, path in self._by_split(key, value)
        )

    def on_corrupt(self) -> OnCorrupt:
        """Return what happens to images that cannot be read; ``refuse`` if nothing is said."""
        value = self._raw.get("on_corrupt")
        if value not in (None, "refuse", "skip"):
            hint = did_you_mean(str(value), ("refuse", "skip"))
            self.note(f"on_corrupt cannot be {value!r}{hint}", "on_corrupt")
        return "skip" if value == "skip" else "refuse"

    def fractions(self) -> Fractions:
        """Return the fractions of ``split:``; none if nothing is said."""
        value = self._raw.get("split")
        if value is None:
            return ()
        if not isinstance(value, Mapping):
            such_as = "{train: 0.8, val: 0.1, test: 0.1}"
            self.note(f"split is not {value!r} but fractions, such as {such_as}", "split")
            return ()
        found = {}
        for split, name, part in self._by_split("split", value):
            if isinstance(part, bool) or not isinstance(part, int | float) or not 0 < part <= 1:
                self.note(f"{part!r} is no fraction above 0 and up to 1", "split", name)
            else:
                found[split] = float(part)
        total = sum(found.values())
        if total > 1 + 1e-9:
            self.note(f"the fractions of split add up to {total:g}, more than 1", "split")
        return tuple((split, found[split]) for split in SPLITS if split in found)

    def class_names(self) -> ClassNames:
        """Return ``class_names:``, a list for the labels 0, 1, … or a mapping from labels."""
        value = self._raw.get("class_names")
        if value is None:
            return ()
        key = "class_names"
        if isinstance(value, Mapping):
            pairs = [(str(label), self._text_of(name, "", key)) for label, name in value.items()]
        elif isinstance(value, list | tuple):
            pairs = [
                (str(index), self._text_of(name, "", key, index))
                for index, name in enumerate(value)
            ]
        else:
            self.note("class_names is neither a list nor a mapping from labels to names", key)
            return ()
        names = [name for _, name in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            self.note(f"class_names gives two labels the name {twice[0]!r}", key)
        return tuple(pairs)

    def _by_split(self, key: str, value: Mapping[Any, Any]) -> list[tuple[str, str, Any]]:
        """Return split, its name as it is written, and what is said of it."""
        found: dict[str, tuple[str, str, Any]] = {}
        if not value:
            self.note(f"{key} names no split", key)
        for name, part in value.items():
            split = split_called(str(name))
            if split is None:
                hint = did_you_mean(str(name), SPLIT_NAMES)
                self.note(f"unknown split {name!r}{hint}", key, name)
            elif split in found:
                self.note(f"{found[split][1]!r} and {name!r} are one split", key, name)
            else:
                found[split] = (split, str(name), part)
        return [found[split] for split in SPLITS if split in found]

    def _text_of(self, value: Any, default: str, *inside: str | int) -> str:
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            self.note(f"{value!r} is no name", *inside)
            return default
        return str(value)

    def _path_of(self, value: Any, kind: Literal["file", "folder"], *inside: str | int) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            self.note(f"{inside[0]} is not {value!r} but the path of a {kind}", *inside)
            return Path()
        tried = list(dict.fromkeys(place / Path(value).expanduser() for place in self._places))
        path = next((path for path in tried if path.exists()), None)
        if path is None:
            where = " or ".join(map(str, tried))
            self.note(f"there is no {kind} {where}", *inside)
            return Path()
        if not (path.is_file() if kind == "file" else path.is_dir()):
            self.note(f"{path} is no {kind}", *inside)
        return path.absolute()
