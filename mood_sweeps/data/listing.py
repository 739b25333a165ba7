"""What a source of images lists, before any image is read; and what declares a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.image_set import Pixels
from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.data.splits import Fractions
from mood_sweeps.data.texts import Texts
from mood_sweeps.errors import InputError, Problem

__all__ = [
    "MOST_NAMED",
    "Contents",
    "Definition",
    "Listing",
    "OnCorrupt",
    "PixelReader",
    "Progress",
    "refuse_named",
]

OnCorrupt = Literal["refuse", "skip"]
"""What happens to a set with images that cannot be read: it is refused, or they are left out."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are digested and the bytes that there are."""

MOST_NAMED = 100
"""Files that an error names; it counts the others."""


@dataclass(frozen=True, eq=False)
class Contents:
    """Digests of the contents of images, uint8 (n, 32), and why some cannot be read, by place."""

    digests: npt.NDArray[np.uint8]
    unreadable: dict[int, str]


class PixelReader(Protocol):
    """Where the pixels of listed images are; picklable, small, and opens nothing until it reads."""

    def sizes(self) -> npt.NDArray[np.int64]:
        """Return the bytes of each image's content, int64 (N,)."""
        ...

    def read(self, places: npt.NDArray[np.int64]) -> list[Pixels]:
        """Return the images at ``places``; InputError names all of them that cannot be read."""
        ...

    def contents(
        self, places: npt.NDArray[np.int64], kept: KeptDigests, progress: Progress | None
    ) -> Contents:
        """Return the digests of the contents of the images at ``places``, and what is unreadable.

        Places of `Contents.unreadable` are indices into ``places``.
        """
        ...


@dataclass(frozen=True, eq=False)
class Listing:
    """Images in a canonical order, which no listing of a folder and no order of lines changes.

    ids: N distinct texts. labels: int64 (N,), 0..K-1. splits: int8 (N,), numbers in ``SPLITS`` or
    ``NOT_GIVEN``.
    """

    ids: Texts
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    splits: npt.NDArray[np.int8]
    pixels: PixelReader

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: npt.NDArray[np.int64]) -> Listing:
        """Return the images at ``places``; ``pixels`` stays that of all."""
        splits = self.splits[places]
        return Listing(
            self.ids.take(places), self.labels[places], self.class_names, splits, self.pixels
        )


class Definition(Protocol):
    """A source of images as an experiment file declares it: frozen, picklable, small.

    split: fractions to draw splits by; empty if none are drawn. content: canonical JSON of all that
    is declared but the paths, which are not what makes a set.
    """

    @property
    def split(self) -> Fractions: ...  # noqa: D102

    @property
    def on_corrupt(self) -> OnCorrupt: ...  # noqa: D102

    @property
    def content(self) -> str: ...  # noqa: D102

    def __hash__(self) -> int: ...

    def list_images(self) -> Listing:
        """Return what is there, no image read; InputError with all that is wrong."""
        ...


def refuse_named(problems: Sequence[str]) -> InputError:
    """Return the error for problems of single files: the first are named, the others counted."""
    named = [Problem(problem) for problem in problems[:MOST_NAMED]]
    if len(problems) > MOST_NAMED:
        named.append(Problem(f"… and {len(problems) - MOST_NAMED:,} more"))
    return InputError(named)
