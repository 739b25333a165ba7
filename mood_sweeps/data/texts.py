"""A million texts in two arrays: a Python object each would take a hundred megabytes more."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
import numpy.typing as npt

__all__ = ["Texts", "TextsBuilder"]


class Texts(Sequence[str]):
    """Texts in a fixed order, kept as UTF-8; part of them, in any order, shares their bytes."""

    def __init__(
        self, encoded: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> None:
        self._encoded, self._starts, self._ends = encoded, starts, ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            return Texts(self._encoded, self._starts[index], self._ends[index])
        return self._encoded[self._starts[index] : self._ends[index]].decode()

    def __iter__(self) -> Iterator[str]:
        return (encoded.decode() for encoded in self.encoded())

    def encoded(self) -> Iterator[bytes]:
        """Yield each text as UTF-8."""
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            pairs = zip(self._starts[part].tolist(), self._ends[part].tolist(), strict=True)
            yield from (self._encoded[begin:end] for begin, end in pairs)

    def take(self, indices: npt.NDArray[np.int64]) -> Texts:
        """Return the texts at ``indices``, in this order."""
        return Texts(self._encoded, self._starts[indices], self._ends[indices])

    def order(self) -> npt.NDArray[np.int64]:
        """Return the indices that sort the texts by their UTF-8; equal texts keep their order."""
        if all(one <= other for one, other in pairwise(self.encoded())):
            return np.arange(len(self))
        encoded = list(self.encoded())
        return np.array(sorted(range(len(self)), key=encoded.__getitem__), dtype=np.int64)


_AT_ONCE = 65_536


class TextsBuilder:
    """Texts, one after another."""

    def __init__(self) -> None:
        self._encoded = bytearray()
        self._ends = array("q")

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, text: str) -> None:
        """Append a text; UnicodeEncodeError if it has no UTF-8."""
        self._encoded += text.encode()
        self._ends.append(len(self._encoded))

    def add_all(self, texts: Iterable[str]) -> TextsBuilder:
        """Append texts; return this builder."""
        for text in texts:
            self.add(text)
        return self

    def build(self) -> Texts:
        """Return the texts."""
        ends = np.array(self._ends, dtype=np.int64)
        starts = np.concatenate([np.zeros(min(1, len(ends)), dtype=np.int64), ends[:-1]])
        return Texts(bytes(self._encoded), starts, ends)
