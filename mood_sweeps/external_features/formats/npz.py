"""npz: a zip of npy files, as ``numpy.savez`` writes it."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Array, Found
from mood_sweeps.external_features.formats.npy import NO_NPY

__all__ = ["outline_npz", "read_npz"]

_NO_ENTRY = (
    *NO_NPY,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # encrypted
    NotImplementedError,  # a compression that zipfile does not know
)
_SUFFIX = ".npy"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_MOST_DEFLATED = 1032  # to one byte; deflate cannot do more

_Read = Callable[[zipfile.ZipFile, zipfile.ZipInfo, tuple[int, ...], np.dtype[Any]], Array]


def read_npz(path: Path, wanted: Collection[str]) -> Found:
    """Return the wanted arrays; only these are read. Raises InputError if it is no npz file."""
    return _found(path, wanted, _array)


def outline_npz(path: Path, wanted: Collection[str]) -> Found:
    """Return arrays of zeros, in no memory, of the shapes and dtypes that headers promise."""
    return _found(path, wanted, _zeros)


def _found(path: Path, wanted: Collection[str], read: _Read) -> Found:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise InputError("is no npz file: numpy.savez writes one")
        try:
            archive = zipfile.ZipFile(file)
        except _NO_ENTRY as error:
            raise InputError(f"is no npz file: {error}") from None
        keys = tuple(name.removesuffix(_SUFFIX) for name in archive.namelist())
        return Found(keys, {key: _read(archive, key, read) for key in keys if key in wanted})


def _read(archive: zipfile.ZipFile, key: str, read: _Read) -> Array:
    try:
        entry = archive.getinfo(key + _SUFFIX)
        with archive.open(entry) as file:
            shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
        # Before memory is taken for what a header promises.
        if math.prod(shape) * dtype.itemsize > entry.compress_size * _MOST_DEFLATED:
            raise InputError(f"{key!r} does not hold the array {shape} that its header promises")
        return read(archive, entry, shape, dtype)
    except KeyError:
        raise InputError(f"{key!r} is no array") from None
    except _NO_ENTRY as error:
        raise InputError(f"{key!r} cannot be read: {error}") from None


def _array(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    del shape, dtype
    with archive.open(entry) as file:
        array: Array = npy.read_array(file, allow_pickle=False)
    return array


def _zeros(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    del archive, entry
    return np.broadcast_to(np.zeros((), dtype), shape)
