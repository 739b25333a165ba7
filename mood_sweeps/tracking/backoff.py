"""When to retry: each failed subject by itself, and everything after several failures in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mood_sweeps.results.outbox import Subject

__all__ = ["FIRST_DELAY_S", "GIVE_UP_AFTER", "LAST_DELAY_S", "Backoff", "SweepSubject"]

FIRST_DELAY_S = 2.0
LAST_DELAY_S = 300.0
GIVE_UP_AFTER = 3
"""After so many failures in a row a launch stops waiting for a subject."""

SweepSubject = tuple[str, Subject]
"""A sweep and one of its subjects."""


@dataclass
class _Failure:
    count: int = 0
    items: int = 0
    not_before: float = 0.0

    def record(self, items: int) -> None:
        self.not_before = time.monotonic() + min(FIRST_DELAY_S * 2**self.count, LAST_DELAY_S)
        self.count += 1
        self.items = items


class Backoff:
    """Counts failures in a row and doubles the delay after each."""

    def __init__(self) -> None:
        self._subjects: dict[SweepSubject, _Failure] = {}
        self._everything = _Failure()
        self._in_a_row = 0

    def may_try(self, subject: SweepSubject | None = None) -> bool:
        """Whether it is time to try a subject or, without one, anything at all."""
        failure = self._everything if subject is None else self._subjects.get(subject)
        return failure is None or time.monotonic() >= failure.not_before

    def subject_failed(self, subject: SweepSubject, items: int) -> None:
        """Note that a subject (with its number of open items) failed; several in a row stop all."""
        self._subjects.setdefault(subject, _Failure()).record(items)
        self._in_a_row += 1
        if self._in_a_row >= GIVE_UP_AFTER:
            self.everything_failed()

    def everything_failed(self) -> None:
        """Note that MLflow or the database could not be used at all."""
        self._in_a_row = 0
        self._everything.record(0)

    def succeeded(self, subject: SweepSubject) -> None:
        """Note that a subject was mirrored, so that the others are tried again too."""
        self._subjects.pop(subject, None)
        self._everything = _Failure()
        self._in_a_row = 0

    def is_hopeless(self, pending: int) -> bool:
        """Whether all ``pending`` open items have failed repeatedly."""
        failed = list(self._subjects.values())
        given_up = sum(failure.items for failure in failed if failure.count >= GIVE_UP_AFTER)
        return self._everything.count >= GIVE_UP_AFTER or pending <= given_up
