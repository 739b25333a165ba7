"""Every error a person can meet here, drawn as one tree.

MoodSweepsError
├── InputError           what the user gave cannot be used; nothing was started (exit code 2)
├── StoreError           the artifact store cannot be used as asked
│   └── CorruptObject    an object's bytes differ from its manifest
├── DatabaseError        the results database cannot be used as asked (exit code 2)
├── ExecutorLost         the place where stages run is gone; the same launch goes on later
├── StageFailed          a stage's own code raised; its descendants are skipped
├── PluginFailed         a plugin's scorer raised, crashed, hung or returned no scores
└── Undefined            a number has no defined value for this input; the row says why
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CorruptObject",
    "DatabaseError",
    "ExecutorLost",
    "InputError",
    "MoodSweepsError",
    "PluginFailed",
    "Problem",
    "StageFailed",
    "StoreError",
    "Undefined",
    "one_line",
    "plain",
    "shortened",
]

MOST_LINE, MOST_TEXT = 2_000, 20_000
"""Characters that are kept of an error in a line, and of a traceback."""


class MoodSweepsError(Exception):
    """Root of the tree; catching it catches all that this package raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what the user gave.

    message: what is wrong and what is allowed, one sentence.
    where: ``file:line`` or the name of an option; empty where there is no place to point at.
    inside: for a problem found in a nested value, the keys and indices that lead to it from that
        value; the reader of the file turns them into a line.
    """

    message: str
    where: str = ""
    inside: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class InputError(MoodSweepsError):
    """All that is wrong with the input, at once."""

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class StoreError(MoodSweepsError):
    """The artifact store cannot be used as asked."""


class CorruptObject(StoreError):
    """An object's bytes differ from what its manifest says.

    ref: the object (a `store.Ref`), so that it can be put in quarantine and made again.
    """

    def __init__(self, message: str, ref: Any = None) -> None:
        self.ref = ref
        super().__init__(message)


class ExecutorLost(MoodSweepsError):
    """The place where stages run is gone; what is finished is kept (exit code 1)."""


class DatabaseError(MoodSweepsError):
    """The results database cannot be opened, is newer than this code, or contradicts itself."""


class StageFailed(MoodSweepsError):
    """A stage's own code raised; ``str()`` is one line, the cause carries the traceback."""


class Undefined(MoodSweepsError):
    """A score or metric has no defined value for this input; the message is the row's reason."""


class PluginFailed(MoodSweepsError):
    """A plugin's scorer came to nothing; the message names its file, line and scorer.

    traceback: the frames of the plugin's own code, with what it printed last.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        self.traceback = traceback
        super().__init__(message)

    def __reduce__(self) -> tuple[type[PluginFailed], tuple[str, str]]:
        return type(self), (str(self), self.traceback)


def one_line(error: BaseException) -> str:
    """Return an error as ``Type: message`` on one line of at most ``MOST_LINE`` characters.

    The message of PluginFailed names its own place, so it stands alone.
    """
    try:
        message = str(error)
    except Exception:  # an error of a user's class may be broken itself
        message = "(its message cannot be shown)"
    # Cut first: splitting fifty megabytes into words would take minutes.
    message = " ".join(message[: 2 * MOST_LINE].split())
    if isinstance(error, PluginFailed):
        shown = message
    else:
        shown = ": ".join(filter(None, (type(error).__name__, message)))
    return plain(shown[:MOST_LINE])[:MOST_LINE]


def plain(text: str) -> str:
    """Return text as any database and terminal takes it: no control codes, no half characters."""
    return shortened(_CONTROL.sub(_escaped, shortened(text)))


_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _escaped(found: re.Match[str]) -> str:
    return "\\0" if found[0] == "\0" else ascii(found[0])[1:-1]


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """Return text without its middle where it has more than ``most`` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
