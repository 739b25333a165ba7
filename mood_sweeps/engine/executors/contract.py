"""The executor contract: where calls run. Two implementations: `inline.py`, `ray_executor.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.store import Lease

__all__ = ["Executor"]


class Executor(Protocol):
    """Takes calls and gives back outcomes, at most one outcome for each call submitted."""

    name: str
    runs_in_this_process: bool
    """Whether `wait` performs calls in the thread that waits: only an exception cuts one short."""

    def check(self) -> None:
        """Raise InputError if the place to run cannot be reached; changes nothing, takes seconds
        at most."""
        ...

    def start(self) -> None:
        """Begin getting ready; workers may still be starting when this returns.

        If the place to run cannot be used after all, `wait` raises InputError.
        """
        ...

    def has_free_worker(self) -> Callable[[Call], bool]:
        """Return what says whether a call may start now; it is asked in order of urgency."""
        ...

    def submit(self, call: Call, lease: Lease) -> None:
        """Run a call; its outcome comes out of `wait`, whatever happens to the worker."""
        ...

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Return outcomes that have come in, waiting up to ``timeout_s`` for the first."""
        ...

    def close(self) -> None:
        """Stop all workers now; what they were doing is abandoned."""
        ...
