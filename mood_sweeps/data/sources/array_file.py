"""Arrays in npy and npz files, mapped into memory where they lie there as they are; no pickle."""

from __future__ import annotations

import functools
import math
import os
import struct
import tokenize
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from mood_sweeps.errors import InputError

__all__ = ["Array", "ArrayPlace", "members", "read_array"]

Array = npt.NDArray[Any]

_NO_ARRAY = (
    ValueError,
    TypeError,
    OverflowError,
    EOFError,
    SyntaxError,  # of a header, which is a Python literal
    RecursionError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,  # encrypted
    NotImplementedError,  # a compression that zipfile does not know
)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_LOCAL_HEADER = struct.Struct("<26xHH")
_MOST_DEFLATED = 1032  # to one byte; deflate cannot do more
_SUFFIX = ".npy"


class ArrayPlace(NamedTuple):
    """An array in a file: ``member`` of an npz file, or the only one of an npy file, ``""``."""

    file: str
    member: str = ""

    def __str__(self) -> str:
        return f"{self.file}, {self.member!r}" if self.member else self.file


def members(file: str) -> tuple[str, ...]:
    """Return the names of the arrays in an npz file; InputError if it is none."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except _NO_ARRAY as error:
        raise InputError(f"{file} is no npz file: {error}") from None
    return tuple(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def read_array(place: ArrayPlace) -> Array:
    """Return an array, mapped read-only, or in memory where it is compressed.

    What was returned before is returned again until the file changes.
    Raises InputError if there is no such array, or if it holds Python objects.
    """
    found = os.stat(place.file)
    return _read(place, found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _read(place: ArrayPlace, size: int, mtime_ns: int) -> Array:
    del size, mtime_ns  # they are there to tell apart what changed
    try:
        if not place.member:
            return np.asarray(np.load(place.file, mmap_mode="r", allow_pickle=False))
        with zipfile.ZipFile(place.file) as archive:
            return _member(archive, archive.getinfo(place.member + _SUFFIX), place.file)
    except _NO_ARRAY as error:
        raise InputError(f"{place} cannot be read: {error}") from None


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> Array:
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"version {version} of the npy format")
        shape, fortran, dtype = _HEADERS[version](file)
        header = file.tell()
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    # Before memory is taken for what a header promises.
    values: int = math.prod(shape)
    if values * dtype.itemsize > entry.compress_size * _MOST_DEFLATED:
        raise ValueError(f"it does not hold the array {shape} that its header promises")
    if entry.compress_type == zipfile.ZIP_STORED and values:
        start = _start_of(entry, path) + header
        return np.asarray(np.memmap(path, dtype, "r", start, tuple(shape), "F" if fortran else "C"))
    with archive.open(entry) as file:
        array: Array = npy.read_array(file, allow_pickle=False)
    array.flags.writeable = False
    return array


def _start_of(entry: zipfile.ZipInfo, path: str) -> int:
    """Return where the bytes of a stored entry begin in its file."""
    with open(path, "rb") as file:
        file.seek(entry.header_offset)
        name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return entry.header_offset + int(_LOCAL_HEADER.size) + int(name) + int(extra)
