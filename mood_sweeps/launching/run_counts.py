"""The counts of a run: what is done, running and failed, and how long the rest will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.job_table import CALL_KINDS

__all__ = ["RunCounts", "clock", "log_note"]


class RunCounts:
    """Counts finished, running and failed calls, and estimates how long the rest will take.

    It is an engine listener (`engine.loop.Listener`) of its own, so that a launch counts the same
    with every reporter.
    """

    def __init__(self, calls: Sequence[Call], seconds: Mapping[str, float], cells: int) -> None:
        """Start with the calls to run and their estimated seconds, and the number of cells done."""
        self.total = Counter(dict.fromkeys(CALL_KINDS, 0))
        for call in calls:
            self.total[call.kind] += call.units
        self.total["score"] += cells
        self.done = Counter({"score": cells})
        self.stages_run = 0
        self.failed_cells = 0
        self.failures: list[str] = []
        self.running: dict[str, Call] = {}
        self._any_started = False
        self._seconds = dict(seconds)
        self._left = dict(seconds)
        self._began = time.monotonic()
        self._spent = 0.0
        self._expected = 0.0

    def started(self, call: Call, attempt: int) -> None:
        """Count a call as running."""
        del attempt
        self.running[call.key] = call
        self._any_started = True

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """Count the outcome of a call."""
        del attempt
        self.running.pop(call.key, None)
        if not final:
            return
        self._left.pop(call.key, None)
        lost = sum(len(failure.evaluation_keys) for failure in outcome.failures)
        if outcome.is_finished and outcome.verdict != "reused":
            self.stages_run += call.units - lost
            self._spent += outcome.seconds
            self._expected += self._seconds.get(call.key, 0.0)
        if call.scoring is not None:
            done = len(outcome.evaluations)
            self.done["score"] += done
            self.failed_cells += lost if outcome.is_finished else call.units
        elif outcome.is_finished:
            self.done[call.kind] += call.units
        if not outcome.is_finished and outcome.verdict != "input corrupt":
            self.failures.append(f"{call}: {outcome.error}{log_note(outcome)}")
        self.failures += [
            f"{call}: {failure.error}{log_note(outcome)}" for failure in outcome.failures
        ]

    def skipped(self, call: Call, cause: Call, outcome: Outcome) -> None:
        """Count a call that will not run."""
        del cause, outcome
        self._left.pop(call.key, None)
        if call.scoring is not None:
            self.failed_cells += call.units

    def waiting(self, call: Call, holder: str) -> None:
        """Count nothing: another launch does the work."""

    def eta_s(self) -> float | None:
        """Return the seconds the rest will take, or None while unknown.

        The estimates of the calls that are left, scaled by measured / estimated seconds of the
        finished calls and divided by the number of running calls.
        """
        if not self._left or self._expected <= 0.0:
            return None
        ratio = self._spent / self._expected
        return sum(self._left.values()) * ratio / max(1, len(self.running))

    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self._began

    def summary(self) -> str:
        """Return the state in one line."""
        parts = [f"{self.done['score']}/{self.total['score']} cells"]
        if self.failed_cells:
            parts.append(f"{self.failed_cells} failed or skipped")
        parts.append(f"{clock(self.elapsed_s())} elapsed")
        eta = self.eta_s()
        if not self._any_started and self._left:
            parts.append("workers are starting")
        if eta is not None:
            parts.append(f"about {clock(eta)} left")
        return ", ".join(parts)


def clock(seconds: float) -> str:
    """Return seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def log_note(outcome: Outcome) -> str:
    """Return where the log of an attempt is, as the end of a line; empty if there is none."""
    if outcome.log is None:
        return ""
    here = Path.cwd()
    log = outcome.log
    return f"; log: {log.relative_to(here) if log.is_relative_to(here) else log}"
