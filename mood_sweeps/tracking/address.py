"""Tracking URIs: made absolute, and never shown with the credentials they may carry."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Secrets", "absolute_uri", "sqlite_path"]

_SQLITE = "sqlite:///"
_USER_INFO = re.compile(r"(\w[\w+.-]*://)[^\s'\"]*@")
_QUERY_SECRET = re.compile(r"(?i)\b(password|token|secret|signature|sig)=[^&\s'\"]+")
_FROM_ENVIRONMENT = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def absolute_uri(tracking_uri: str) -> str:
    """Return the URI with a SQLite path taken from the working directory; others unchanged."""
    path = sqlite_path(tracking_uri)
    return tracking_uri if path is None else f"{_SQLITE}{path}"


def sqlite_path(tracking_uri: str) -> Path | None:
    """Return the absolute path of a SQLite store, or None for any other kind of URI."""
    if not tracking_uri.startswith(_SQLITE):
        return None
    return Path(tracking_uri.removeprefix(_SQLITE)).absolute()


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
