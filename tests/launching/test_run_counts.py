from __future__ import annotations

import dataclasses

import pytest

from mood_sweeps.jobs.outcome import CellFailure, Outcome
from mood_sweeps.launching.run_counts import RunCounts, clock
from mood_sweeps.planning.calls import Call, Scoring
from mood_sweeps.store import Ref

REF = Ref("extract", "k")
TRAIN = Call("t", "pretrain", "mim", "mim", (), (), 1)
SCORE = Call(
    "s", "score", "mim", "score", (), (), 4, scoring=Scoring("g", REF, REF, REF, (), "head", ())
)
ROW = {"evaluation_key": "x"}


def run_counts() -> RunCounts:
    return RunCounts([TRAIN, SCORE], {"t": 10.0, "s": 20.0}, cells=6)


def test_cells_that_are_done_already_count() -> None:
    assert run_counts().summary().startswith("6/10 cells, 0:00 elapsed")


def test_a_call_counts_once_it_is_final() -> None:
    one = run_counts()
    one.started(TRAIN, 1)
    assert one.running == {"t": TRAIN}
    one.ended(TRAIN, 1, Outcome("t", "worker lost"), final=False)
    assert one.running == {}
    assert one.done["pretrain"] == 0
    one.ended(TRAIN, 1, Outcome("t", "done", seconds=5.0), final=True)
    assert (one.done["pretrain"], one.stages_run) == (1, 1)


def test_the_estimate_of_the_rest_scales_with_the_time_of_finished_calls() -> None:
    one = run_counts()
    assert one.eta_s() is None
    one.ended(TRAIN, 1, Outcome("t", "done", seconds=5.0), final=True)
    assert one.eta_s() == 10.0
    one.ended(SCORE, 1, Outcome("s", "done", seconds=5.0), final=True)
    assert one.eta_s() is None


@pytest.mark.parametrize("verdict", ["failed", "worker lost", "lease lost"])
def test_a_final_outcome_without_a_result_is_a_failure(verdict: str) -> None:
    one = run_counts()
    one.ended(SCORE, 1, Outcome("s", verdict, error="why"), final=True)  # type: ignore[arg-type]
    assert one.failures == ["score mim: why"]
    assert one.failed_cells == 4
    assert one.stages_run == 0


def test_a_failed_scorer_counts_its_own_cells_only() -> None:
    one = run_counts()
    outcome = Outcome("s", "done", evaluations=(ROW,) * 3)
    failure = CellFailure(("k",), "ValueError: no", "…")
    one.ended(SCORE, 1, dataclasses.replace(outcome, failures=(failure,)), final=True)
    assert one.failures == ["score mim: ValueError: no"]
    assert (one.done["score"], one.failed_cells) == (9, 1)


def test_a_skipped_call_is_not_part_of_the_estimate() -> None:
    one = run_counts()
    one.ended(TRAIN, 1, Outcome("t", "failed", error="no", seconds=1.0), final=True)
    one.skipped(SCORE, TRAIN, Outcome("t", "failed", error="no"))
    assert one.failed_cells == 4
    assert one.eta_s() is None
    assert "4 failed or skipped" in one.summary()


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_clocks(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
