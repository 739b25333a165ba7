"""npy: one array, as ``numpy.save`` writes it, mapped into memory rather than read."""

from __future__ import annotations

import tokenize
from collections.abc import Collection
from pathlib import Path

import numpy as np

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Found

__all__ = ["NO_NPY", "read_npy"]

NO_NPY = (
    ValueError,
    TypeError,
    OverflowError,
    EOFError,
    # of a header, which is a Python literal
    SyntaxError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)
"""What numpy raises for bytes that are no array of numbers."""

_MAGIC = b"\x93NUMPY"


def read_npy(path: Path, wanted: Collection[str]) -> Found:
    """Return the one array. Raises InputError if it is no npy file or holds Python objects."""
    del wanted
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise InputError("is no npy file: numpy.save writes one")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except NO_NPY as error:
        raise InputError(f"cannot be read as npy: {error}") from None
    return Found(unnamed=(np.asarray(array),))
