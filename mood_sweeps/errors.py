"""Every error a person can meet here, drawn as one tree.

MoodSweepsError
├── InputError           what the user gave cannot be used; nothing was started (exit code 2)
├── StoreError           the artifact store cannot be used as asked
│   ├── CorruptObject    an object's bytes differ from its manifest
│   └── LeaseLost        another launch took over the work this process was doing
├── MemberLost           a worker that shares a training is gone; the training is tried again
├── ExecutorLost         the place where stages run is gone; the same launch goes on later
├── DatabaseError        the results database cannot be used as asked (exit code 2)
├── StageFailed          a stage's own code raised; its descendants are skipped
└── Undefined            a number has no defined value for this input; the row says why
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CorruptObject",
    "DatabaseError",
    "ExecutorLost",
    "InputError",
    "LeaseLost",
    "MemberLost",
    "MoodSweepsError",
    "Problem",
    "StageFailed",
    "StoreError",
    "Undefined",
]


class MoodSweepsError(Exception):
    """Root of the tree; catching it catches all that this package raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what the user gave.

    message: what is wrong and what is allowed, one sentence.
    where: ``file:line`` or the name of an option; empty where there is no place to point at.
    inside: for a problem found in a nested value, the keys and indices that lead to it from that
        value; who knows the file turns them into a line.
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


class LeaseLost(StoreError):
    """Another launch took over the work this process was doing; what it made is discarded."""


class MemberLost(MoodSweepsError):
    """A worker that shares a training with this one is gone; nothing is wrong with the stage."""


class ExecutorLost(MoodSweepsError):
    """The place where stages run is gone; what is finished is kept (exit code 1)."""


class DatabaseError(MoodSweepsError):
    """The results database cannot be opened, is newer than this code, or contradicts itself."""


class StageFailed(MoodSweepsError):
    """A stage's own code raised; ``str()`` is one line, the cause carries the traceback."""


class Undefined(MoodSweepsError):
    """A score or metric has no defined value for this input; the message is the row's reason."""
