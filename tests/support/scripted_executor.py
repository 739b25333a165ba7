"""Calls that only depend on each other, and an executor that says what it is told to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mood_sweeps.identity import key_of
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call, Scoring
from mood_sweeps.store import Lease, Ref, Store

Says = Callable[[Call, int], Outcome]


def ref_of(name: str) -> Ref:
    return Ref("extract", key_of(name))


def call(name: str, needs: Sequence[str] = (), kind: str = "extract", units: int = 1) -> Call:
    """Return a call named ``name`` that makes the object of its name."""
    group = key_of(["group", name])
    bank = ref_of("bank")
    scoring = Scoring(group, bank, bank, bank, (), "head", ()) if kind == "score" else None
    return Call(
        key=name,
        kind=kind,
        label=name,
        method=name,
        needs=tuple(ref_of(need) for need in needs),
        makes=(ref_of(name),),
        units=units,
        scoring=scoring,
    )


def done(call: Call, _attempt: int) -> Outcome:
    return Outcome(call.key, "done")


class ScriptedExecutor:
    """Gives each attempt the outcome it is told to; the last submitted comes out first."""

    name = "scripted"
    runs_in_this_process = False

    def __init__(self, says: Says = done, workers: int = 1) -> None:
        self._says = says
        self._workers = workers
        self._queue: list[tuple[Call, Lease]] = []
        self.offered: list[str] = []
        self.submitted: list[str] = []

    def check(self) -> None:
        pass

    def start(self) -> None:
        pass

    def first_startable(self, calls: Sequence[Call]) -> Call | None:
        if not calls or len(self._queue) >= self._workers:
            return None
        self.offered.append(calls[0].key)
        return calls[0]

    def submit(self, call: Call, lease: Lease, log: Path | None) -> None:
        del log
        lease.check()
        self._queue.append((call, lease))
        self.submitted.append(call.key)

    def wait(self, timeout_s: float) -> list[Outcome]:
        del timeout_s
        call, _ = self._queue.pop()
        return [replace(self._says(call, self.submitted.count(call.key)), worker="w")]

    def close(self) -> None:
        pass


class Diary:
    """A listener that writes down what it hears, and whether the lease was held at the time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.heard: list[tuple[Any, ...]] = []

    def started(self, call: Call, attempt: int) -> None:
        self.heard.append(("started", call.key, attempt, self._held(call)))

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        self.heard.append(("ended", call.key, attempt, outcome.verdict, final, self._held(call)))

    def skipped(self, call: Call, cause: Call, outcome: Outcome) -> None:
        self.heard.append(("skipped", call.key, cause.key, outcome.error))

    def waiting(self, call: Call, holder: str) -> None:
        self.heard.append(("waiting", call.key, holder))

    def _held(self, call: Call) -> bool:
        return self._store.leases.holder(call.key) is not None
