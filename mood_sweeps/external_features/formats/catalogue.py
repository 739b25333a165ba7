"""Every format by the suffix of its files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Found
from mood_sweeps.external_features.formats.image_list import read_image_list
from mood_sweeps.external_features.formats.npy import read_npy
from mood_sweeps.external_features.formats.npz import outline_npz, read_npz
from mood_sweeps.external_features.formats.pickled_arrays import read_pickle
from mood_sweeps.external_features.formats.safetensors_file import read_safetensors

__all__ = ["FORMATS", "outline_file", "read_file"]

_Reader = Callable[[Path, Collection[str]], Found]

FORMATS: Mapping[str, _Reader] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".safetensors": read_safetensors,
    ".pkl": read_pickle,
    ".pickle": read_pickle,
    ".txt": read_image_list,
}

# The others map what is large; an image list has to be read.
_OUTLINES: Mapping[str, _Reader] = {**FORMATS, ".npz": outline_npz}


def read_file(path: Path, wanted: Collection[str]) -> Found:
    """Return what a file holds, of its named arrays only the ``wanted`` ones.

    Raises InputError (without a place) where it cannot be read.
    """
    return _read(path, wanted, FORMATS)


def outline_file(path: Path, wanted: Collection[str]) -> Found:
    """Return what a file says that it holds: shapes and dtypes are right, values need not be.

    Fast however large the file is. Raises InputError as `read_file`.
    """
    return _read(path, wanted, _OUTLINES)


def _read(path: Path, wanted: Collection[str], formats: Mapping[str, _Reader]) -> Found:
    reader = formats.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"is of an unknown format; allowed: {', '.join(FORMATS)}")
    try:
        return reader(path, wanted)
    except FileNotFoundError:
        raise InputError(f"there is no such file{_neighbour(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read: {reason}") from None


def _neighbour(path: Path) -> str:
    """Return '; did you mean …?' for a file of a similar name in the same folder."""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"; did you mean {str(path.with_name(close[0]))!r}?" if close else ""
