"""The state of launches, which any process can read from the database."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.jobs.outcome import FINISHED
from mood_sweeps.results.read_results import Results
from mood_sweeps.store.process_identity import Process

__all__ = ["LaunchStatus", "is_running", "launch_status"]

Row = dict[str, Any]


@dataclass(frozen=True)
class LaunchStatus:
    """One launch: its state in words, the cells of its revision by status, and its calls.

    state: ``running``, ``done``, ``failed``, ``interrupted``, ``killed`` or ``killed (its process
    is gone)`` until the next launch writes ``killed``. eta_s: expected seconds until the end; None
    while unknown.
    """

    sweep: str
    launch: int
    revision: int
    state: str
    cells: Mapping[str, int]
    calls_planned: int
    running: tuple[Row, ...]
    ended: tuple[Row, ...]
    eta_s: float | None

    @property
    def is_running(self) -> bool:
        """Whether the launch is alive."""
        return self.state == "running"

    @property
    def failed(self) -> tuple[Row, ...]:
        """The attempts that failed."""
        return tuple(row for row in self.ended if row["outcome"] not in ("done", "reused"))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "sweep": self.sweep,
            "launch": self.launch,
            "revision": self.revision,
            "state": self.state,
            "cells": dict(self.cells),
            "calls_planned": self.calls_planned,
            "calls_done": sum(row["outcome"] in FINISHED for row in self.ended),
            "eta_s": self.eta_s,
            "running": [_plain(row) for row in self.running],
            "failed": [_plain(row) for row in self.failed],
        }


def launch_status(results: Results, sweep: str | None) -> list[LaunchStatus]:
    """Return the running launches, or the last one where none is; of ``sweep`` or of any."""
    rows = [row for row in results.launches() if sweep is None or row["sweep"] == sweep]
    live = [row for row in rows if is_running(row)]
    return [_status(results, row) for row in (live or rows[:1])]


def is_running(row: Mapping[str, Any]) -> bool:
    """Whether a launch, a row of `Results.launches`, has not ended and its process may live."""
    return _state(row) == "running"


def _status(results: Results, row: Mapping[str, Any]) -> LaunchStatus:
    attempts = [dict(attempt) for attempt in results.attempts(row["id"])]
    ended = tuple(attempt for attempt in attempts if attempt["ended_at"] is not None)
    running = tuple(attempt for attempt in attempts if attempt["ended_at"] is None)
    state = _state(row)
    return LaunchStatus(
        sweep=row["sweep"],
        launch=row["id"],
        revision=row["revision"],
        state=state,
        cells=results.status_counts(row["revision"]),
        calls_planned=row["calls_planned"],
        running=running if state == "running" else (),
        ended=ended,
        eta_s=_eta_s(row, ended) if state == "running" else None,
    )


def _state(row: Mapping[str, Any]) -> str:
    if row["ended_at"] is not None:
        return str(row["outcome"])
    process = Process(row["host"], row["pid"], row["process_started"], row["boot"])
    return "killed (its process is gone)" if process.is_surely_dead() else "running"


def _eta_s(row: Mapping[str, Any], ended: tuple[Row, ...]) -> float | None:
    """Extrapolate from the finished calls: crude, but it needs the database only."""
    done = sum(attempt["outcome"] in FINISHED for attempt in ended)
    if not done:
        return None
    began = datetime.datetime.fromisoformat(row["started_at"])
    elapsed_s = (datetime.datetime.now(datetime.UTC) - began).total_seconds()
    return float(max(0.0, elapsed_s / done * (row["calls_planned"] - done)))


def _plain(row: Row) -> Row:
    names = ("kind", "label", "number", "worker", "started_at", "outcome", "error")
    return {name: row[name] for name in names}
