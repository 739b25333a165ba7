"""Words that several verbs print."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return ``1 cell``, ``1,308 cells``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
