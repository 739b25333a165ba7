"""Tracking URIs: what MLflow makes of them, and never shown with the credentials they may carry."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Secrets", "no_folder_left"]

_SQLITE = "sqlite:///"
_USER_INFO = re.compile(r"(?<![\w+.-])(?!sqlite[+:])(\w[\w+.-]*://)[^\s'\"]*@")
"""Not of SQLite: its URLs hold nothing but a path, and in that perhaps an @."""

_QUERY_SECRET = re.compile(r"(?i)\b(password|token|secret|signature|sig)=[^&\s'\"]+")
_FROM_ENVIRONMENT = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


@contextmanager
def no_folder_left(uri: str) -> Iterator[None]:
    """Remove the folder that MLflow makes for a SQLite store under the name of it in the URI.

    MLflow takes that for a path as it is, so that beside ``50%`` it makes an empty ``50%25``.
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
            with suppress(OSError):  # somebody else needed it meanwhile, and it is not empty
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
        """Return ``text`` on one line, without credentials in any URL or by themselves."""
        text = _USER_INFO.sub(r"\1***@", " ".join(text.split()))
        text = _QUERY_SECRET.sub(r"\1=***", text)
        for word in self._words:
            text = text.replace(word, "***") if word else text
        return text
