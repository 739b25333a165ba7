"""Work through the images of a bank in blocks, so that memory holds the maps of few at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.numeric.checked_arrays import defined, live_of
from mood_sweeps.scorers.numeric.row_blocks import by_rows, row_blocks

__all__ = ["IMAGES", "by_images", "image_blocks", "known", "pooled", "same_blocks"]

IMAGES = 128
"""Images that go through the network at once; no score depends on it but for rounding."""

Float64s = npt.NDArray[np.float64]


def image_blocks(bank: FeatureBank) -> Iterator[tuple[slice, Floats]]:
    """Yield which rows of the bank a block is, and their images, in order."""
    inputs, _ = live_of(bank)
    for rows in row_blocks(len(bank), IMAGES):
        yield rows, inputs[rows]


def by_images(
    bank: FeatureBank, compute: Callable[[slice, Floats], Float64s], stride: int = 1
) -> Float64s:
    """Return float64 (⌈N / stride⌉,): ``compute(rows, images)`` of every block, in order.

    stride: only every so many rows are taken, from the first. Raises Undefined where what is
    computed is not finite.
    """
    inputs, _ = live_of(bank)

    def block(taken: slice) -> Float64s:
        rows = slice(taken.start * stride, taken.stop * stride, stride)
        return compute(rows, inputs[rows])

    # What overflows is refused by ``defined``, in words.
    with np.errstate(over="ignore", invalid="ignore"):
        return defined(by_rows(math.ceil(len(bank) / stride), block, IMAGES))


def known(logits: Floats | None) -> Floats:
    """Return the logits that a network gives; InputError where it has no head."""
    if logits is None:
        raise InputError("this scorer needs logits, and the network has no head")
    return logits


def same_blocks(maps: Sequence[Floats], widths: Sequence[int]) -> None:
    """Raise InputError where the blocks of a network are not those that a state was learnt on."""
    found = [one.shape[1] for one in maps]
    if found != list(widths):
        raise InputError(
            f"blocks of widths {found} cannot be scored by a state learnt on {list(widths)}: train "
            "and test images must go through one representation"
        )


def pooled(maps: Floats) -> Float64s:
    """Return the mean over the positions of maps (n, width, rows, columns), float64 (n, width)."""
    mean: Float64s = maps.mean(axis=(2, 3), dtype=np.float64)
    return mean
