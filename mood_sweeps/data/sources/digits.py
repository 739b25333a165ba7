"""Handwritten digits: scikit-learn's 1797 real 8×8 images, whole or by class.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test
part, as scikit-learn ships it).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import ID_SPLITS, ImageArray, require_split
from mood_sweeps.data.sources.packaged_files import sklearn_file
from mood_sweeps.errors import InputError
from mood_sweeps.identity import file_digest, key_of

__all__ = ["SPLIT_FRACTIONS", "Digits", "select_digits"]

SPLIT_FRACTIONS = {"train": 0.5, "val": 0.1, "test": 0.4}
"""Of each class, rounded to whole images. Digits 0–5: 541 train, 109 val and 433 test images."""

_SPLIT_SEED = 20240111
_VERSION = 1


@dataclass(frozen=True)
class Digits:
    """The digits with values in ``digits`` (ascending, each in 0..9).

    Images are uint8 (N, 8, 8, 1): the original 0..16 scaled to 0..255. The split of an image
    depends on the image alone: it is the same in ``digits`` and in ``digits:0-5``.
    """

    digits: tuple[int, ...] = tuple(range(10))

    @property
    def name(self) -> str:
        """``digits``, ``digits:0-5`` or ``digits:0,2,4``; consecutive digits form a range."""
        if self.digits == tuple(range(10)):
            return "digits"
        return "digits:" + ",".join(
            str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in _runs(self.digits)
        )

    @property
    def source(self) -> str:
        """``digits``."""
        return "digits"

    @property
    def classes(self) -> tuple[str, ...]:
        """The digits as text."""
        return tuple(map(str, self.digits))

    @property
    def splits(self) -> tuple[str, ...]:
        """Train, val, test and all."""
        return ID_SPLITS

    @property
    def fingerprint(self) -> str:
        """Digest of the packaged file, the classes and the split rule."""
        return key_of(
            {
                "file": _digest(),
                "digits": self.digits,
                "fractions": SPLIT_FRACTIONS,
                "split_seed": _SPLIT_SEED,
                "version": _VERSION,
            }
        )

    def size(self, split: str) -> int:
        """Return the number of images of a split."""
        return int(self._mask(split).sum())

    def open(self, split: str) -> ImageArray:
        """Return the images of a split, in the order of the file."""
        mask = self._mask(split)
        pixels, digits = _table()
        labels = np.searchsorted(np.array(self.digits), digits[mask]).astype(np.int64)
        ids = tuple(f"digits:{index}" for index in np.flatnonzero(mask))
        return ImageArray(pixels[mask], labels, self.classes, ids)

    def _mask(self, split: str) -> npt.NDArray[np.bool_]:
        require_split(self.name, split, self.splits)
        chosen = np.isin(_table()[1], self.digits)
        return chosen if split == "all" else chosen & (_split_of_each() == split)


def select_digits(selection: str) -> Digits:
    """Parse what follows ``digits:``: digits and ranges joined by commas, ``0-5`` or ``0,2,4``.

    Raises InputError for an empty selection, a range outside 0..9 or backwards, or a digit listed
    twice.
    """
    label = f"image set 'digits:{selection}'"
    if not selection:
        raise InputError(f"{label} selects no class; write 'digits', 'digits:0-5' or 'digits:0,2'")
    chosen: list[int] = []
    for part in selection.split(","):
        match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
        if match is None:
            raise InputError(f"{label}: {part!r} is neither a digit nor a range such as 0-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise InputError(f"{label}: the range {part!r} runs backwards")
        if last > 9:
            raise InputError(f"{label}: {part!r} leaves the classes 0-9")
        chosen.extend(range(first, last + 1))
    repeated = sorted({digit for digit in chosen if chosen.count(digit) > 1})
    if repeated:
        raise InputError(f"{label} lists {', '.join(map(str, repeated))} twice")
    return Digits(tuple(sorted(chosen)))


def _runs(digits: tuple[int, ...]) -> list[list[int]]:
    runs: list[list[int]] = []
    for digit in digits:
        if runs and runs[-1][-1] == digit - 1:
            runs[-1].append(digit)
        else:
            runs.append([digit])
    return runs


@functools.cache
def _digest() -> str:
    return file_digest(sklearn_file("data/digits.csv.gz"))


@functools.cache
def _table() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (images uint8 (1797, 8, 8, 1), digits int64 (1797,)), read-only."""
    table = np.loadtxt(sklearn_file("data/digits.csv.gz"), delimiter=",")
    pixels = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    digits = table[:, -1].astype(np.int64)
    pixels.flags.writeable = digits.flags.writeable = False
    return pixels, digits


@functools.cache
def _split_of_each() -> npt.NDArray[np.str_]:
    """Return the split of each of the 1797 images, stratified by class."""
    digits = _table()[1]
    split = np.empty(len(digits), dtype="U5")
    for digit in range(10):
        # RandomState, because its streams never change (NEP 19) and Generator's may.
        members = np.random.RandomState([_SPLIT_SEED, digit]).permutation(
            np.flatnonzero(digits == digit)
        )
        ends = np.rint(np.cumsum(list(SPLIT_FRACTIONS.values())) * len(members)).astype(int)
        for name, part in zip(SPLIT_FRACTIONS, np.split(members, ends[:-1]), strict=True):
            split[part] = name
    return split
