"""The device that multiplies blocks of rows: NumPy on the CPU, or torch on a chosen device.

Computations that cost rows × dimensions × columns are written once for both kinds of arrays:
``send`` copies a block to the device, operators and functions that both libraries have (``xp``)
compute, ``fetch`` copies the result back. On the CPU both return their argument: NumPy runs as it
is.

Computations that cost rows × dimensions stay with NumPy. So do those done once per bank, the
factorisations of (D, D) matrices in float64: they do not grow with the rows (D is 2048 for a
ResNet-50); many GPUs have little float64; and eigenvectors, of which each library chooses the
signs, must not depend on the device that scores a bank.
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
from mood_sweeps.scorers.numeric.rows import row_squares

__all__ = ["DEVICES", "Array", "Device", "computing_on", "device", "device_named", "product_with"]

Array = Any
"""An array of the library that the device computes with, NumPy or torch."""

DEVICES = ("cpu", "cuda")
"""The names of all devices."""


class Device(Protocol):
    """A device to compute on. Arrays from ``send`` are read-only: they may be the caller's own."""

    @property
    def name(self) -> str:
        """The name in caches: a result of one device is never used for another."""
        ...

    @property
    def xp(self) -> Any:
        """NumPy or torch, for functions with the same name and meaning in both."""
        ...

    def in_use(self) -> AbstractContextManager[None]:
        """Return the context to compute in; its end frees the arrays kept on the device."""
        ...

    def send(self, array: npt.NDArray[Any]) -> Array:
        """Return the array on the device."""
        ...

    def send_part(self, array: npt.NDArray[Any], index: slice | int) -> Array:
        """Return ``array[index]`` on the device, of an array of which parts are needed repeatedly.

        Pass the same, unchanged array object each time.
        """
        ...

    def fetch(self, array: Array) -> npt.NDArray[Any]:
        """Return an array of the device as a NumPy array."""
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
        """Return the best as keys of `neighbour_keys`, unordered."""
        ...


class _Host:
    """NumPy on this machine's CPU."""

    name = "cpu"
    xp = np

    def in_use(self) -> AbstractContextManager[None]:
        return nullcontext()

    def send(self, array: npt.NDArray[Any]) -> Array:
        return array

    def send_part(self, array: npt.NDArray[Any], index: slice | int) -> Array:
        return array[index]

    def fetch(self, array: Array) -> npt.NDArray[Any]:
        fetched: npt.NDArray[Any] = array
        return fetched

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
    """Return the device to compute on: the CPU by NumPy, unless inside `computing_on`."""
    return _CHOSEN.get()


@contextmanager
def computing_on(chosen: Device) -> Iterator[None]:
    """Compute on this device inside the block. Scores are equal up to rounding."""
    with chosen.in_use():
        before = _CHOSEN.set(chosen)
        try:
            yield
        finally:
            _CHOSEN.reset(before)


def device_named(name: str) -> Device:
    """Return one of ``DEVICES``; torch is imported for ``cuda`` only.

    Raises InputError for an unknown name, or where this machine has no such device.
    """
    if name not in DEVICES:
        raise InputError(f"there is no device {name!r}; allowed: {', '.join(DEVICES)}")
    if name == "cpu":
        return _HOST
    from mood_sweeps.scorers.numeric.torch_device import cuda

    return cuda()


def product_with(matrix: Floats) -> Callable[[Floats], Floats]:
    """Return the function from blocks (n, D) to their product with the matrix (D, r).

    It multiplies in the wider of both precisions.
    """
    on = device()
    on_device = on.send(matrix)

    def product(block: Floats) -> Floats:
        dtype = np.result_type(block, matrix)
        return on.fetch(on.cast(on.send(block), dtype) @ on.cast(on_device, dtype))

    return product
