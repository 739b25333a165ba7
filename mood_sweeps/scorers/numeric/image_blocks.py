"""Process the images of a bank in blocks, so that memory holds the maps of few images at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.numeric.checked_arrays import defined, inputs_and_network_of
from mood_sweeps.scorers.numeric.rows import by_rows, row_blocks

__all__ = [
    "IMAGES",
    "by_images",
    "image_blocks",
    "mean_over_positions",
    "require_widths",
    "required_logits",
]

IMAGES = 128
"""Images that pass through the network at once; scores depend on it only by rounding."""

Float64s = npt.NDArray[np.float64]


def image_blocks(bank: FeatureBank) -> Iterator[tuple[slice, Floats]]:
    """Yield the rows and the images of each block, in order."""
    inputs, _ = inputs_and_network_of(bank)
    for rows in row_blocks(len(bank), IMAGES):
        yield rows, inputs[rows]


def by_images(
    bank: FeatureBank, compute: Callable[[slice, Floats], Float64s], stride: int = 1
) -> Float64s:
    """Return float64 (⌈N / stride⌉,): ``compute(rows, images)`` of every block, in order.

    stride: use only every ``stride``-th row, from the first. Raises Undefined where a result is not
    finite.
    """
    inputs, _ = inputs_and_network_of(bank)

    def block(part: slice) -> Float64s:
        rows = slice(part.start * stride, part.stop * stride, stride)
        return compute(rows, inputs[rows])

    # ``defined`` refuses scores that overflowed, with a clear message.
    with np.errstate(over="ignore", invalid="ignore"):
        return defined(by_rows(math.ceil(len(bank) / stride), block, IMAGES))


def required_logits(logits: Floats | None) -> Floats:
    """Return the logits of a network; InputError where it has no head."""
    if logits is None:
        raise InputError("this scorer needs logits, and the network has no head")
    return logits


def require_widths(maps: Sequence[Floats], widths: Sequence[int]) -> None:
    """Raise InputError unless blocks have the widths that a state was learnt on."""
    found = [block.shape[1] for block in maps]
    if found != list(widths):
        raise InputError(
            f"blocks of widths {found} cannot be scored by a state learnt on {list(widths)}: train "
            "and test images must go through one representation"
        )


def mean_over_positions(maps: Floats) -> Float64s:
    """Return the mean over the positions of maps (n, width, rows, columns), float64 (n, width)."""
    mean: Float64s = maps.mean(axis=(2, 3), dtype=np.float64)
    return mean
