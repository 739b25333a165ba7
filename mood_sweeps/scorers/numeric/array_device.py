"""Where blocks of rows are multiplied: NumPy on the CPU, or torch on a device that is asked for.

What costs rows × dimensions × columns is written once, for the arrays of either: ``take`` brings a
block there, operators and what both libraries call alike (``xp``) compute, ``give`` brings back
what is left of it. On the CPU both hand through what they are given: nothing is added to NumPy.

What costs rows × dimensions stays with NumPy, and so does what happens once per bank: the
factorisations of (D, D) matrices in float64. They do not grow with the rows (D is 2048 for a
ResNet-50); many a GPU has hardly any float64; and eigenvectors, with signs that are the library's
choice, are to be the same wherever a bank is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.numeric.neighbour_keys import Float32s, Keys, merge
from mood_sweeps.scorers.numeric.row_blocks import row_squares

__all__ = ["DEVICES", "Array", "Device", "computing_on", "device", "device_named", "product_with"]

Array = Any
"""An array of NumPy or of torch, whichever the device computes with."""

DEVICES = ("cpu", "cuda")
"""What may be asked for by name."""


class Device(Protocol):
    """One place to compute. What was taken there is not to be changed: it may be the caller's."""

    @property
    def name(self) -> str:
        """What was computed under one name is not taken for what another would compute."""
        ...

    @property
    def xp(self) -> Any:
        """The library of its arrays, for functions of the same name and meaning in both."""
        ...

    def in_use(self) -> AbstractContextManager[None]:
        """Return the context to compute in; what was kept there goes when it ends."""
        ...

    def take(self, array: npt.NDArray[Any]) -> Array:
        """Return the array there."""
        ...

    def part(self, array: npt.NDArray[Any], index: slice | int) -> Array:
        """Return ``array[index]`` there, of an array of which parts are asked for again and again.

        The array is not to change, and to be the same object each time.
        """
        ...

    def give(self, array: Array) -> npt.NDArray[Any]:
        """Return what was computed there."""
        ...

    def cast(self, array: Array, dtype: npt.DTypeLike) -> Array:
        """Return the array with numbers of another type, or itself."""
        ...

    def empty(self, shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64) -> Array:
        """Return an array without initial values."""
        ...

    def row_squares(self, values: Array) -> Array:
        """Return Σ_j values_ij² of every row, added in float64, (n,)."""
        ...

    def no_neighbours(self, rows: int, k: int) -> Array:
        """Return the best k of no train points, (rows, k), for `merge`."""
        ...

    def merge(self, best: Array, similarities: Array, seen: int) -> None:
        """Update the ``best`` (b, k) of the first ``seen`` train points by the next w, (b, w)."""
        ...

    def neighbours(self, best: Array) -> Keys:
        """Return the best as numbers of `nearest_keys`, in no order."""
        ...


class _Host:
    """NumPy on this machine's CPU."""

    name = "cpu"
    xp = np

    def in_use(self) -> AbstractContextManager[None]:
        return nullcontext()

    def take(self, array: npt.NDArray[Any]) -> Array:
        return array

    def part(self, array: npt.NDArray[Any], index: slice | int) -> Array:
        return array[index]

    def give(self, array: Array) -> npt.NDArray[Any]:
        given: npt.NDArray[Any] = array
        return given

    def cast(self, array: Array, dtype: npt.DTypeLike) -> Array:
        return array.astype(dtype, copy=False)

    def empty(self, shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64) -> Array:
        return np.empty(shape, dtype)

    def row_squares(self, values: Array) -> Array:
        return row_squares(values)

    def no_neighbours(self, rows: int, k: int) -> Array:
        return np.zeros((rows, k), dtype=np.uint64)

    def merge(self, best: Keys, similarities: Float32s, seen: int) -> None:
        merge(best, similarities, seen)

    def neighbours(self, best: Array) -> Keys:
        keys: Keys = best
        return keys


_HOST: Device = _Host()
_CHOSEN: ContextVar[Device] = ContextVar("device", default=_HOST)


def device() -> Device:
    """Return where to compute: the CPU, by NumPy, unless inside `computing_on`."""
    return _CHOSEN.get()


@contextmanager
def computing_on(chosen: Device) -> Iterator[None]:
    """Compute there inside the block. Scores are the same but for rounding."""
    with chosen.in_use():
        before = _CHOSEN.set(chosen)
        try:
            yield
        finally:
            _CHOSEN.reset(before)


def device_named(name: str) -> Device:
    """Return one of ``DEVICES``; torch is imported for ``cuda`` only.

    Raises InputError for another name, and where this machine has none.
    """
    if name not in DEVICES:
        raise InputError(f"there is no device {name!r}; allowed: {', '.join(DEVICES)}")
    if name == "cpu":
        return _HOST
    from mood_sweeps.scorers.numeric.torch_device import cuda

    return cuda()


def product_with(matrix: Floats) -> Callable[[Floats], Floats]:
    """Return what multiplies blocks of rows (n, D) by the matrix (D, r), in the wider precision."""
    on = device()
    there = on.take(matrix)

    def product(block: Floats) -> Floats:
        dtype = np.result_type(block, matrix)
        return on.give(on.cast(on.take(block), dtype) @ on.cast(there, dtype))

    return product
