"""Take credentials out of text that others will read: logs, error messages, MLflow."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

__all__ = ["Secrets"]

_USER_INFO = re.compile(r"(?<![\w+.-])(?!sqlite[+:])(\w[\w+.-]*://)[^\s'\"]*@")
"""Not for SQLite: its URLs hold only a path, which may contain an @."""
_QUERY_SECRET = re.compile(r"(?i)\b(password|token|secret|signature|sig)=[^&\s'\"]+")
_SECRET_NAME = re.compile(
    r"(^|_)(\w*PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|ACCESS_KEY|SECRET_KEY|CREDENTIALS?)($|_)"
)
_ALWAYS_SECRET = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
_SHORTEST = 6
"""Shorter values of other variables are no secrets: hiding them would hide common words."""


class Secrets:
    """Credentials that must not be shown.

    Those of the given URLs, of the environment (variables named as a password, token or key, and
    URLs with a password) and of the URLs on this process's command line.
    """

    def __init__(self, *urls: str) -> None:
        places = (*urls, *os.environ.values(), *sys.argv)
        words = {word for place in places for word in _password_of(place)}
        words |= {os.environ.get(name, "") for name in _ALWAYS_SECRET}
        words |= {
            value
            for name, value in os.environ.items()
            if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
        }
        # The longest first: one may be a part of another.
        self._words = sorted(words - {""}, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """Return ``text`` without credentials, inside or outside URLs."""
        text = _USER_INFO.sub(r"\1***@", text)
        text = _QUERY_SECRET.sub(r"\1=***", text)
        for word in self._words:
            text = text.replace(word, "***")
        return text


def _password_of(text: str) -> Iterator[str]:
    """Yield the password of a URL as it is written and as it is meant."""
    _, is_option, value = text.partition("=") if text.startswith("--") else ("", "", text)
    url = value if is_option else text
    if "://" not in url:
        return
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
