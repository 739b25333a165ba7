"""safetensors: named tensors after a JSON header, mapped into memory rather than read.

Layout: eight bytes, the header's length; the header, ``{name: {dtype, shape, data_offsets}}``; the
data. Read here, not by the library, because that copies every tensor and has no bfloat16 in numpy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Array, Found

__all__ = ["read_safetensors"]

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}
_LONGEST_HEADER = 100_000_000  # bytes; the format's own limit


def read_safetensors(path: Path, wanted: Collection[str]) -> Found:
    """Return the wanted tensors. Raises InputError where the file contradicts itself."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise InputError("is no safetensors file: its header does not fit in it")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise InputError("is no safetensors file: its header is no JSON") from None
    if not isinstance(header, dict):
        raise InputError("is no safetensors file: its header is no mapping")
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    start = 8 + length
    named = {
        name: _map(path, name, entry, start, size)
        for name, entry in entries.items()
        if name in wanted
    }
    return Found(tuple(entries), named)


def _map(path: Path, name: str, entry: Any, start: int, size: int) -> Array:
    kind, shape, begin, end = _described(name, entry)
    dtype = np.dtype(_DTYPES[kind])
    if math.prod(shape) * dtype.itemsize != end - begin or start + end > size:
        raise InputError(f"{name!r} does not fit the bytes that the header gives it")
    if end == begin:
        return np.empty(shape, dtype)
    array: Array = np.asarray(np.memmap(path, dtype, "r", offset=start + begin, shape=shape))
    if kind == "BF16":
        # bfloat16 is the upper half of a float32.
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def _described(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return dtype, shape and the first and last byte of a tensor."""
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [begin, end]} if all(
            type(n) is int and n >= 0 for n in (*shape, begin, end)
        ):
            pass
        case _:
            raise InputError(f"{name!r} has no dtype, shape and data_offsets in the header")
    if kind not in _DTYPES:
        raise InputError(f"{name!r} is of dtype {kind!r}; allowed: {', '.join(_DTYPES)}")
    return kind, tuple(shape), begin, end
