"""The engine's loop: schedule → lease → executor → listeners, until nothing is left to do.

A failure of a stage's own code is final for this launch and poisons only its descendants. A lost
worker or lease says nothing about the stage, so its call is tried again, a bounded number of
times. A corrupt input is put in quarantine, and what needed it is left for the next round.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from mood_sweeps.engine.attempt_logs.log_file import append_line, log_name
from mood_sweeps.engine.executors.contract import Executor
from mood_sweeps.engine.schedule import Schedule
from mood_sweeps.engine.stop import Stop
from mood_sweeps.errors import CorruptObject
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.store import Lease, Ref, Store

__all__ = ["MOST_ATTEMPTS", "Listener", "Policy", "Ran", "run"]

_log = logging.getLogger(__name__)

MOST_ATTEMPTS = 4
WAIT_S = 0.25


class Listener(Protocol):
    """Hears what happens, in the driver's thread and in order."""

    def started(self, call: Call, attempt: int) -> None:
        """Hear that a call was given to a worker, for the ``attempt``-th time."""
        ...

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        """Hear what came of an attempt; ``final`` unless the call will be tried again."""
        ...

    def skipped(self, call: Call, cause: Call, outcome: Outcome) -> None:
        """Hear that a call will not run because ``cause`` failed."""
        ...

    def waiting(self, call: Call, holder: str) -> None:
        """Hear that another launch is doing this call's work right now."""
        ...


@dataclass(frozen=True)
class Policy:
    """How many calls may fail before nothing new is started; None: any number."""

    max_failures: int | None = None


@dataclass
class Ran:
    """What a run came to.

    done, reused, skipped: calls. failed: outcomes with a failure in them. corrupt: objects that
    were put into quarantine. gave_up: ``max_failures`` was reached. interrupted: asked to stop
    from outside while something was left to do.
    """

    done: int = 0
    reused: int = 0
    failed: list[Outcome] = field(default_factory=list)
    skipped: int = 0
    corrupt: int = 0
    gave_up: bool = False
    interrupted: bool = False


def run(
    schedule: Schedule,
    executor: Executor,
    store: Store,
    listeners: Sequence[Listener],
    stop: Stop,
    policy: Policy,
    logs: Path | None = None,
) -> Ran:
    """Run everything in the schedule that can run.

    logs: the folder for a log file of every attempt; None for no logs.

    Raises KeyboardInterrupt if the executor performs calls in this thread and one was cut short.
    """
    return _Run(schedule, executor, store, listeners, stop, policy, logs).run()


class _Run:
    """The state of one run: which calls are running, and how often each was tried."""

    def __init__(
        self,
        schedule: Schedule,
        executor: Executor,
        store: Store,
        listeners: Sequence[Listener],
        stop: Stop,
        policy: Policy,
        logs: Path | None,
    ) -> None:
        self._schedule = schedule
        self._executor = executor
        self._store = store
        self._listeners = listeners
        self._stop = stop
        self._policy = policy
        self._logs = logs
        self._running: dict[str, tuple[Call, Lease]] = {}
        self._elsewhere: list[Call] = []
        self._announced: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._ran = Ran()

    def run(self) -> Ran:
        try:
            self._loop()
        finally:
            for _, lease in self._running.values():
                self._store.leases.release(lease)
        self._ran.interrupted = (
            self._stop.draining and not self._ran.gave_up and not self._schedule.finished
        )
        return self._ran

    def _loop(self) -> None:
        while not self._schedule.finished or self._running:
            if self._stop.now or (self._stop.draining and not self._running):
                break
            if not self._stop.draining:
                self._dispatch()
            if self._running or not self._elsewhere:  # else workers may still be starting
                for outcome in self._wait():
                    self._handle(outcome)
            else:
                time.sleep(WAIT_S)

    def _wait(self) -> list[Outcome]:
        with self._stop.breaking_in() if self._executor.runs_in_this_process else nullcontext():
            return self._executor.wait(WAIT_S)

    def _dispatch(self) -> None:
        elsewhere, self._elsewhere = self._elsewhere, []
        for waiting in elsewhere:  # while it is made there, no room is kept for it here
            if self._is_made_elsewhere(waiting):
                self._elsewhere.append(waiting)
            else:
                self._schedule.put_back(waiting)
        while (call := self._schedule.pop(self._executor.first_startable)) is not None:
            lease = self._store.leases.acquire(call.key)
            if lease is None:
                self._elsewhere.append(call)
                self._announce_waiting(call)
                continue
            self._start(call, lease)

    def _is_made_elsewhere(self, call: Call) -> bool:
        leases = self._store.leases
        return leases.holder(call.key) is not None and not leases.holder_is_gone(call.key)

    def _start(self, call: Call, lease: Lease) -> None:
        attempt = self._attempts[call.key] = self._attempts.get(call.key, 0) + 1
        self._running[call.key] = (call, lease)
        for listener in self._listeners:
            listener.started(call, attempt)
        _log.debug("%s starts, attempt %d", call, attempt)
        self._executor.submit(call, lease, self._log_of(call))

    def _log_of(self, call: Call) -> Path | None:
        """Return the log file of a call's current attempt."""
        return self._logs and self._logs / log_name(call.key, self._attempts[call.key])

    def _announce_waiting(self, call: Call) -> None:
        if call.key in self._announced:
            return
        self._announced.add(call.key)
        holder = self._store.leases.holder(call.key)
        shown = f"process {holder.pid} on {holder.host}" if holder else "another launch"
        for listener in self._listeners:
            listener.waiting(call, shown)

    def _handle(self, outcome: Outcome) -> None:
        call, lease = self._running[outcome.call_key]
        attempt = self._attempts[call.key]
        outcome = replace(outcome, log=self._log_of(call))
        _log.debug("%s, attempt %d: %s", call, attempt, outcome.verdict)
        if outcome.verdict == "worker lost" and outcome.log is not None:
            append_line(outcome.log, f"the worker was lost: {outcome.error}")
        again = outcome.verdict in ("worker lost", "lease lost") and attempt < MOST_ATTEMPTS
        # Rows are committed before the lease is released: the next holder finds them.
        for listener in self._listeners:
            listener.ended(call, attempt, outcome, final=not again)
        self._store.leases.release(lease)
        del self._running[call.key]
        if again:
            self._schedule.put_back(call)
        elif outcome.is_finished:
            self._ran.done += outcome.verdict != "reused"
            self._ran.reused += outcome.verdict == "reused"
            if outcome.failures:
                self._ran.failed.append(outcome)
                self._stop_after_failures()
            self._schedule.succeed(call)
        else:
            self._lose(call, outcome)

    def _lose(self, call: Call, outcome: Outcome) -> None:
        if outcome.corrupt is not None:
            self._put_away(outcome.corrupt, call)
        else:
            self._ran.failed.append(outcome)
            self._stop_after_failures()
        for skipped in self._schedule.fail(call):
            self._ran.skipped += 1
            for listener in self._listeners:
                listener.skipped(skipped, call, outcome)

    def _put_away(self, corrupt: Ref, call: Call) -> None:
        """Quarantine what was found corrupt, and all else the call would have stumbled over."""
        self._store.quarantine(corrupt)
        self._ran.corrupt += 1
        for ref in filter(self._store.has, call.needs):
            try:
                self._store.folder(ref)
            except CorruptObject:
                self._store.quarantine(ref)
                self._ran.corrupt += 1

    def _stop_after_failures(self) -> None:
        limit = self._policy.max_failures
        if limit is not None and len(self._ran.failed) >= limit and not self._stop.draining:
            self._ran.gave_up = True
            self._stop.request()
