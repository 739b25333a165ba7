from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from mood_sweeps.jobs.outcome import CellFailure, Outcome
from mood_sweeps.launching.progress import LiveProgress, PlainProgress
from mood_sweeps.launching.run_counts import RunCounts
from mood_sweeps.planning.calls import Call, Scoring
from mood_sweeps.store import Ref

REF = Ref("extract", "k")
TRAIN = Call("t", "pretrain", "mim [vit]", "mim", (), (), 1)
SCORE = Call(
    "s", "score", "mim", "score", (), (), 3, scoring=Scoring("g", REF, REF, REF, (), "head", ())
)
ROW = {"evaluation_key": "x"}
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Escape sequences that move a terminal's cursor."""


class Run:
    """Passes each event to the counts and then to the reporter, as a launch does."""

    def __init__(self, reporter: Any, run_counts: RunCounts) -> None:
        self.reporter = reporter
        self.run_counts = run_counts
        reporter.begin(run_counts)

    def started(self, call: Call, attempt: int) -> None:
        self.run_counts.started(call, attempt)
        self.reporter.started(call, attempt)

    def ended(self, call: Call, attempt: int, outcome: Outcome, final: bool) -> None:
        self.run_counts.ended(call, attempt, outcome, final)
        self.reporter.ended(call, attempt, outcome, final)


def start_run(progress: type[Any], *, terminal: bool) -> tuple[Run, RunCounts, io.StringIO]:
    out = io.StringIO()
    run_counts = RunCounts([TRAIN, SCORE], {}, cells=1)
    console = Console(file=out, width=100, force_terminal=terminal, color_system=None)
    return Run(progress(console), run_counts), run_counts, out


def test_plain_lines_show_each_ended_call_and_the_progress() -> None:
    plain, _, out = start_run(PlainProgress, terminal=False)
    plain.started(TRAIN, 1)
    assert out.getvalue() == ""
    plain.ended(TRAIN, 1, Outcome("t", "worker lost", error="gone"), False)
    plain.started(TRAIN, 2)
    plain.ended(TRAIN, 2, Outcome("t", "done", seconds=1.25), True)
    plain.started(SCORE, 1)
    failure = CellFailure(("a", "b"), "ValueError: no", "Traceback …")
    outcome = Outcome("s", "done", seconds=0.5, evaluations=(ROW,), failures=(failure,))
    plain.ended(SCORE, 1, outcome, True)
    plain.reporter.end()
    assert out.getvalue().splitlines() == [
        "pretrain mim [vit]: worker lost: gone",
        "pretrain mim [vit]: attempt 2",
        "pretrain mim [vit]  1.2 s  [1/4 cells, 0:00 elapsed]",
        "score mim: 2 cells failed",
        "score mim  0.5 s  [2/4 cells, 2 failed or skipped, 0:00 elapsed]",
    ]


def test_bars_show_running_calls_and_leave_their_last_state_on_the_screen() -> None:
    live, run_counts, out = start_run(LiveProgress, terminal=True)
    live.started(TRAIN, 1)
    live.reporter.say("a line")
    live.ended(TRAIN, 1, Outcome("t", "done", seconds=1.0), True)
    live.started(SCORE, 1)
    live.reporter.end()
    lines = [line.rstrip() for line in STEERING.sub("", out.getvalue()).splitlines()]
    assert any(line.endswith("a line") for line in lines)
    last = [line for line in lines if line][-4:]
    assert [line.split()[0] for line in last] == ["pretrain", "cells", "1/4", "▸"]
    assert [line.split()[-1] for line in last[:2]] == ["1/1", "1/4"]
    assert last[-1] == "  ▸ score mim"
    assert run_counts.done["pretrain"] == 1


def test_bars_are_drawn_while_another_thread_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    live, run_counts, out = start_run(LiveProgress, terminal=True)
    live.started(TRAIN, 1)
    name = Call.__str__
    others = iter(range(100))

    def named_meanwhile(call: Call) -> str:
        """Start a call, as the engine's thread may do at any point of the drawing."""
        run_counts.started(replace(SCORE, key=f"s{next(others)}"), 1)
        return name(call)

    monkeypatch.setattr(Call, "__str__", named_meanwhile)
    live.reporter.end()
    assert "▸ pretrain mim [vit]" in out.getvalue()
