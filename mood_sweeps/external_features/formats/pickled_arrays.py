"""Pickled arrays, as ViM and MOODv2 keep features and their head: read, never run.

A pickle can name and call anything; here it can name what arrays are made with, and each of these
is a function below that builds an array of numbers or refuses. Their data stays in the file.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Array, Found
from mood_sweeps.external_features.formats.pickle_interpreter import Buildable, Calls, Named, run

__all__ = ["read_pickle"]

_NUMBERS = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "f16"]


def read_pickle(path: Path, wanted: Collection[str]) -> Found:
    """Return an array, a list of arrays, or a dictionary of arrays by name.

    Protocols 0 to 5 as Python 3 writes them. Raises InputError for a pickle of anything else.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise InputError("is empty")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    value = run(data, _NAMES, {**_CALLS, "_codecs.encode": _Encode(len(data))})
    if isinstance(value, dict):
        arrays = {key: _finished(item, f"{key!r}") for key, item in value.items() if key in wanted}
        return Found(tuple(value), arrays)
    items = value if isinstance(value, list | tuple) else [value]
    return Found(unnamed=tuple(_finished(item, "what it holds") for item in items))


class _Dtype(Buildable):
    """``numpy.dtype(code, align, copy)``, to which a byte order is given later."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        del align, copy
        if not isinstance(code, str) or code not in _NUMBERS:
            what = "Python objects" if str(code)[:1] == "O" else "what is no number"
            raise InputError(f"is refused: it holds an array of {what}")
        self._code = code
        self._order = "="

    def build(self, state: Any) -> None:
        match state:
            case (int(), "<" | ">" | "=" | "|" as order, None, None, None, *_):
                self._order = order
            case _:
                raise InputError("is refused: it holds an array of what is no number")

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self._order + self._code)


class _Array(Buildable):
    """``_reconstruct(ndarray, (0,), b"b")``: an empty array, filled by its state."""

    def __init__(self, kind: Any, shape: Any, code: Any) -> None:
        del shape, code
        if kind != Named("numpy.ndarray"):
            raise InputError("is refused: it makes an array of another kind")
        self.array: Array | None = None

    def build(self, state: Any) -> None:
        match state:
            case (int(), shape, dtype, bool(fortran), raw):
                self.array = _array(raw, dtype, shape, "F" if fortran else "C")
            case _:
                raise InputError("is refused: it fills an array with another state")


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> Array:
    """``_frombuffer``: what protocol 5 calls."""
    return _array(raw, dtype, shape, order)


class _Encode:
    """``_codecs.encode(text, "latin1")``: how protocols 0 to 2 write bytes.

    All calls together return no more bytes than the file has: each text in it is encoded once.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def __call__(self, text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or encoding != "latin1" or len(text) > self._left:
            raise InputError("is refused: it encodes what is no array's data")
        self._left -= len(text)
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            raise InputError("is refused: it encodes what is no array's data") from None


def _array(raw: Any, dtype: Any, shape: Any, order: Any) -> Array:
    if isinstance(raw, list):
        raise InputError("is refused: it holds an array of Python objects")
    sized = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    whole = isinstance(raw, bytes | memoryview) and isinstance(dtype, _Dtype)
    if not (sized and whole and order in ("C", "F") and len(shape) <= 8):
        raise InputError("is refused: it fills an array with another state")
    kind = dtype.dtype()
    if math.prod(shape) * kind.itemsize != len(raw):
        raise InputError(f"holds {len(raw):,} bytes for an array {shape} of {kind}")
    try:
        return np.ndarray(shape, kind, buffer=raw, order=order)
    except ValueError as error:  # no elements, yet more than numpy can count
        raise InputError(f"holds an array {shape}: {error}") from None


def _finished(value: Any, what: str) -> Array:
    array = value.array if isinstance(value, _Array) else value
    if not isinstance(array, np.ndarray):
        raise InputError(f"{what} is no array of numbers")
    return array


_CALLS: Calls = {
    "numpy.dtype": _Dtype,
    "numpy.core.multiarray._reconstruct": _Array,
    "numpy._core.multiarray._reconstruct": _Array,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
}
_NAMES = frozenset(_CALLS) | {"numpy.ndarray", "_codecs.encode"}
