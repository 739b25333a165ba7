"""Tracking URIs of SQLite files: remove the folders that MLflow creates for them by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["without_stray_folder"]

_SQLITE = "sqlite:///"


@contextmanager
def without_stray_folder(uri: str) -> Iterator[None]:
    """Remove the folder that MLflow creates by mistake for the encoded path of a SQLite URI.

    MLflow does not decode the path: beside ``50%`` it creates an empty folder ``50%25``.
    """
    if not uri.startswith(_SQLITE):
        yield
        return
    folder = Path(uri.removeprefix(_SQLITE)).parent
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    finally:
        for place in missing:
            with suppress(OSError):  # not empty: another process uses it meanwhile
                place.rmdir()
