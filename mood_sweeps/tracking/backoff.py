"""When to try again what failed: each subject by itself, and everything when nothing works."""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = ["FIRST_DELAY_S", "HOPELESS", "LAST_DELAY_S", "Backoff", "Subject"]

FIRST_DELAY_S = 2.0
LAST_DELAY_S = 300.0
HOPELESS = 3
"""After how many failures in a row a launch should not wait for it any more."""

Subject = tuple[str, str, str]
"""Kind, sweep and subject of an outbox item."""


@dataclass
class _Failure:
    count: int = 0
    items: int = 0
    not_before: float = 0.0

    def again(self, items: int) -> None:
        self.not_before = time.monotonic() + min(FIRST_DELAY_S * 2**self.count, LAST_DELAY_S)
        self.count += 1
        self.items = items


class Backoff:
    """Counts failures in a row and doubles the delay after each."""

    def __init__(self) -> None:
        self._subjects: dict[Subject, _Failure] = {}
        self._everything = _Failure()
        self._in_a_row = 0

    def may_try(self, subject: Subject | None = None) -> bool:
        """Whether it is time to try a subject, or anything at all."""
        failure = self._everything if subject is None else self._subjects.get(subject)
        return failure is None or time.monotonic() >= failure.not_before

    def subject_failed(self, subject: Subject, items: int) -> None:
        """Note that a subject with so many open items failed; several in a row stop everything."""
        self._subjects.setdefault(subject, _Failure()).again(items)
        self._in_a_row += 1
        if self._in_a_row >= HOPELESS:
            self.everything_failed()

    def everything_failed(self) -> None:
        """Note that MLflow or the database could not be used at all."""
        self._in_a_row = 0
        self._everything.again(0)

    def succeeded(self, subject: Subject) -> None:
        """Note that a subject was mirrored, so the rest is worth trying too."""
        self._subjects.pop(subject, None)
        self._everything = _Failure()
        self._in_a_row = 0

    def is_hopeless(self, pending: int) -> bool:
        """Whether all of so many open items have failed again and again."""
        failed = list(self._subjects.values())
        given_up = sum(failure.items for failure in failed if failure.count >= HOPELESS)
        return self._everything.count >= HOPELESS or pending <= given_up
