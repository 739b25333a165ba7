"""URLs of SQLite files: from any path to a URL and back.

SQLAlchemy, and MLflow through it, decode percent-encoding in the file part of a URL. So a path that
is put into a URL unchanged means another file if it holds ``%20`` or ``?``.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["absolute_url", "sqlite_path", "sqlite_url"]

_PREFIX = "sqlite:///"
_MEANINGFUL = {ord("%"): "%25", ord("?"): "%3F", ord("#"): "%23"}
"""Only the characters that must be encoded: people read these URLs."""


def sqlite_url(path: str | os.PathLike[str]) -> str:
    """Return the URL of the SQLite file ``path``."""
    return _PREFIX + os.fspath(path).translate(_MEANINGFUL)


def sqlite_path(url: str) -> Path | None:
    """Return the absolute path of a SQLite URL's file; None for any other URL.

    A relative path starts at the working directory. None for a database in memory, too.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        return None
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database)).absolute()


def absolute_url(url: str) -> str:
    """Return a URL with the absolute path of its SQLite file; any other URL unchanged."""
    path = sqlite_path(url)
    if path is None:
        return url
    _, mark, query = url.partition("?")
    return f"{sqlite_url(path)}{mark}{query}"
