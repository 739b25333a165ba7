"""The contracts of an executor, where calls run, and of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.store import Lease

__all__ = ["Executor", "ExecutorSettings"]


class ExecutorSettings(Protocol):
    """The settings of one kind of executor: a frozen dataclass with a default for every field."""

    def limits(self) -> dict[str, tuple[bool, str]]:
        """Return of each setting whether its value is allowed, and which values are."""
        ...


class Executor(Protocol):
    """Takes calls and returns outcomes, at most one outcome for each call submitted."""

    name: str
    runs_in_this_process: bool
    """Whether `wait` runs calls in the thread that waits: only an exception cuts one short."""

    def check(self) -> None:
        """Raise InputError if the place to run cannot be reached; change nothing, take seconds at
        most."""
        ...

    def start(self) -> None:
        """Begin getting ready; workers may still be starting when this returns.

        If the place to run cannot be used after all, `wait` raises InputError.
        """
        ...

    def first_startable(self, calls: Sequence[Call]) -> Call | None:
        """Return the first of ``calls``, most urgent first, that has free workers, or None."""
        ...

    def submit(self, call: Call, lease: Lease, log: Path | None) -> None:
        """Start a call; `wait` returns its outcome, whatever happens to the worker.

        log: the file for all that the worker prints and logs meanwhile; None for no file.
        """
        ...

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Return outcomes that have come in, waiting up to ``timeout_s`` for the first."""
        ...

    def close(self) -> None:
        """Stop all workers now; unfinished calls are abandoned."""
        ...
