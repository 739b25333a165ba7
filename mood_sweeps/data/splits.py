"""Which split an image belongs to: what the source says of it, or a hash of its content."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

__all__ = [
    "NOT_GIVEN",
    "SPLITS",
    "SPLIT_NAMES",
    "Fractions",
    "draw_splits",
    "problem_with",
    "split_called",
]

SPLITS = ("train", "val", "test")
"""An image has the number of its split in this order, or ``NOT_GIVEN``."""

NOT_GIVEN = -1

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What folders and columns call splits, in small or capital letters."""

Fractions = tuple[tuple[str, float], ...]
"""Splits and the part of the images that each gets, in the order of ``SPLITS``.

Where the source gives no splits, they add up to 1; where it does, they are taken from its train
split.
"""


def split_called(name: str) -> str | None:
    """Return the split that a folder or a column's value names, or None."""
    return SPLIT_NAMES.get(re.sub(r"\s", "", name).casefold())


def draw_splits(
    given: npt.NDArray[np.int8], fractions: Fractions, digests: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int8]:
    """Return the split of each image, int8 (N,), drawn by its content.

    given: int8 (N,), what the source says. digests: uint8 (N, 32) of the contents. Copies come into
    one split, and images that are added move no other. `problem_with` is to be asked before.
    """
    # The first 53 bits: every number of them is a float64.
    place = (digests[:, :8].copy().view(">u8")[:, 0] >> np.uint64(11)) / 2.0**53
    if (given == NOT_GIVEN).all():
        (rest, _), *fractions_left = fractions
        divided = np.ones(len(given), dtype=np.bool_)
    else:
        rest, fractions_left = "train", list(fractions)
        divided = given == SPLITS.index("train")
    splits = np.where(divided, np.int8(SPLITS.index(rest)), given)
    upper = 1.0
    for name, fraction in reversed(fractions_left):
        splits[divided & (place >= upper - fraction) & (place < upper)] = SPLITS.index(name)
        upper -= fraction
    return splits


def problem_with(fractions: Fractions, given: npt.NDArray[np.int8]) -> str:
    """Return why splits cannot be drawn by ``fractions`` beside those given, or an empty text."""
    total = sum(fraction for _, fraction in fractions)
    there = [name for number, name in enumerate(SPLITS) if (given == number).any()]
    if not there:
        return "" if abs(total - 1) < 1e-9 else f"the fractions add up to {total:g}, not to 1"
    taken = [name for name, _ in fractions if name in there]
    if taken:
        return (
            f"the source has the split {taken[0]!r} already; what is written is taken from its "
            "train split, such as split: {val: 0.1}"
        )
    if "train" not in there:
        return "the source has no train split to take them from"
    return "" if total < 1 else f"the fractions add up to {total:g}: nothing is left to train on"
