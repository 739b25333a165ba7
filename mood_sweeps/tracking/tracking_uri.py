"""Tracking URIs: hide their credentials, and remove folders that MLflow creates by mistake."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Secrets", "without_stray_folder"]

_SQLITE = "sqlite:///"
_USER_INFO = re.compile(r"(?<![\w+.-])(?!sqlite[+:])(\w[\w+.-]*://)[^\s'\"]*@")
"""Not for SQLite: its URLs hold only a path, which may contain an @."""

_QUERY_SECRET = re.compile(r"(?i)\b(password|token|secret|signature|sig)=[^&\s'\"]+")
_FROM_ENVIRONMENT = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


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


class Secrets:
    """The credentials of a tracking URI and of MLflow's own environment variables."""

    def __init__(self, tracking_uri: str) -> None:
        self._words = {os.environ.get(name) for name in _FROM_ENVIRONMENT}
        try:
            password = urlsplit(tracking_uri).password
        except ValueError:
            password = None
        if password:
            self._words |= {password, unquote(password)}

    def hidden(self, text: str) -> str:
        """Return ``text`` on one line, without credentials, inside or outside URLs."""
        text = _USER_INFO.sub(r"\1***@", " ".join(text.split()))
        text = _QUERY_SECRET.sub(r"\1=***", text)
        for word in self._words:
            text = text.replace(word, "***") if word else text
        return text
