"""Errors as text that any database and any terminal takes."""

from __future__ import annotations

__all__ = ["one_line", "plain"]


def one_line(error: BaseException) -> str:
    """Return an error as ``Type: message`` on one line."""
    try:
        message = str(error)
    except Exception:  # an error of a user's class may be broken itself
        message = "(its message cannot be shown)"
    return plain(f"{type(error).__name__}: {' '.join(message.split())}"[:2000])


def plain(text: str) -> str:
    """Return text as any database and terminal takes it: no NUL, no half of a character."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
