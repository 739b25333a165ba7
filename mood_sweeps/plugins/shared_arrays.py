"""Arrays that two processes share as files: written by one, mapped read-only by the other."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Shared", "mapped", "written"]

Array = npt.NDArray[Any]

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def written(arrays: Mapping[str, Array], folder: Path) -> dict[str, str]:
    """Write each array into ``folder``, never as pickled objects; return the names of the files."""
    files: dict[str, str] = {}
    for number, (name, array) in enumerate(arrays.items()):
        files[name] = f"{number}.npy"
        np.save(folder / files[name], array, allow_pickle=False)
    return files


def mapped(file: Path) -> Array:
    """Return the array in a file, which cannot be written through it. Runs nothing in the file.

    Raises ValueError or OSError where it holds no plain array.
    """
    # A pipe would never open, a link may lead anywhere.
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as content:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{file.name} is no regular file")
        read = _HEADERS.get(np.lib.format.read_magic(content))
        if read is None:
            raise ValueError(f"{file.name} is of an unknown version of npy")
        shape, is_fortran, dtype = read(content)
        if dtype.hasobject:
            raise ValueError(f"{file.name} holds objects")
        if 0 in shape:  # nothing to map
            array: Array = np.empty(shape, dtype)
        else:
            order: Literal["C", "F"] = "F" if is_fortran else "C"
            array = np.asarray(np.memmap(content, dtype, "r", content.tell(), shape, order))
    array.flags.writeable = False
    return array


class Shared:
    """The files of arrays that one process shows another, each array written once.

    An array is known by its identity, so it is kept alive as long as its file is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, tuple[Array, str]] = {}
        self._written = 0

    def file_of(self, array: Array) -> str:
        """Return the path of the file that holds ``array``."""
        if id(array) not in self._files:
            # No name twice: the other side may still know the array that had it.
            self._written += 1
            path = self._folder / f"shared-{self._written}.npy"
            np.save(path, np.asarray(array), allow_pickle=False)
            self._files[id(array)] = array, str(path)
        return self._files[id(array)][1]

    def forget(self) -> None:
        """Delete the files."""
        for _, path in self._files.values():
            with suppress(OSError):  # the plugin may have done anything to them
                Path(path).unlink()
        self._files.clear()
