from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from mood_sweeps.engine.loop import MOST_ATTEMPTS, Policy, Ran, run
from mood_sweeps.engine.schedule import Schedule
from mood_sweeps.engine.stop import Stop
from mood_sweeps.jobs.outcome import CellFailure, Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.store import Origin, Store
from tests.support.scripted_executor import Diary, Says, ScriptedExecutor, call, done, ref_of


class Runner:
    """One run on a store of its own, and what was heard of it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.store.prepare()
        self.diary = Diary(self.store)
        self.stop = Stop()
        self.executor = ScriptedExecutor()

    def __call__(
        self,
        calls: Sequence[Call],
        says: Says = done,
        workers: int = 1,
        max_failures: int | None = None,
    ) -> Ran:
        self.executor = ScriptedExecutor(says, workers)
        ran = run(
            Schedule(calls),
            self.executor,
            self.store,
            [self.diary],
            self.stop,
            Policy(max_failures),
        )
        assert self.leases_left() == []
        return ran

    def leases_left(self) -> list[Path]:
        return list((self.store.root / "leases").iterdir())

    def heard(self, what: str) -> list[tuple[object, ...]]:
        return [entry[1:] for entry in self.diary.heard if entry[0] == what]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "store")


CHAIN = (call("a"), call("b", ["a"]), call("c", ["b"], "score"), call("d"))


def failing(*names: str) -> Says:
    def says(one: Call, _attempt: int) -> Outcome:
        if one.key in names:
            return Outcome(one.key, "failed", error=f"{one.key} broke", traceback="…")
        return Outcome(one.key, "done")

    return says


@pytest.mark.parametrize("workers", [1, 2, 10])
def test_everything_runs_once_and_is_heard_in_order(runner: Runner, workers: int) -> None:
    ran = runner(CHAIN, workers=workers)
    assert (ran.done, ran.failed, ran.skipped, ran.interrupted) == (4, [], 0, False)
    assert sorted(runner.executor.submitted) == ["a", "b", "c", "d"]
    for name in "abcd":
        mine = [entry for entry in runner.diary.heard if entry[1] == name]
        # Both are heard while the lease is held: the next holder finds the rows.
        assert mine == [("started", name, 1, True), ("ended", name, 1, "done", True, True)]
    order = [entry[:2] for entry in runner.diary.heard]
    assert order.index(("ended", "a")) < order.index(("started", "b"))
    assert order.index(("ended", "b")) < order.index(("started", "c"))


def test_what_was_there_already_is_counted_apart(runner: Runner) -> None:
    ran = runner(CHAIN, lambda one, _: Outcome(one.key, "reused" if one.key == "a" else "done"))
    assert (ran.done, ran.reused) == (3, 1)


def test_a_failure_takes_its_descendants_only(runner: Runner) -> None:
    ran = runner(CHAIN, failing("a"))
    assert [outcome.call_key for outcome in ran.failed] == ["a"]
    assert (ran.done, ran.skipped) == (1, 2)
    assert sorted(runner.heard("skipped")) == [("b", "a", "a broke"), ("c", "a", "a broke")]
    assert sorted(runner.executor.submitted) == ["a", "d"]


@pytest.mark.parametrize("verdict", ["worker lost", "lease lost"])
def test_a_lost_worker_says_nothing_about_the_stage(runner: Runner, verdict: str) -> None:
    def says(one: Call, attempt: int) -> Outcome:
        lost = one.key == "a" and attempt < 3
        return Outcome(one.key, verdict if lost else "done")  # type: ignore[arg-type]

    ran = runner(CHAIN, says)
    assert (ran.done, ran.failed) == (4, [])
    assert [entry for entry in runner.heard("ended") if entry[0] == "a"] == [
        ("a", 1, verdict, False, True),
        ("a", 2, verdict, False, True),
        ("a", 3, "done", True, True),
    ]


def test_but_not_for_ever(runner: Runner) -> None:
    ran = runner(CHAIN, lambda one, _: Outcome(one.key, "worker lost", error="out of memory"))
    assert runner.executor.submitted.count("a") == MOST_ATTEMPTS
    assert sorted(outcome.call_key for outcome in ran.failed) == ["a", "d"]
    assert ran.skipped == 2
    assert [entry[2] for entry in runner.heard("ended") if entry[0] == "a"] == ["worker lost"] * 4
    assert [entry[3] for entry in runner.heard("ended") if entry[0] == "a"] == [False] * 3 + [True]


def test_what_another_launch_is_making_is_waited_for(runner: Runner) -> None:
    other = Store(runner.store.root)
    lease = other.leases.acquire("a")
    assert lease is not None

    def give_back() -> None:
        time.sleep(0.4)
        other.leases.release(lease)

    thread = threading.Thread(target=give_back)
    thread.start()
    ran = runner(CHAIN, workers=2)
    thread.join()
    assert ran.done == 4
    assert runner.executor.submitted == ["d", "a", "b", "c"]
    ((name, holder),) = runner.heard("waiting")  # said once, however often it is looked at
    assert name == "a"
    assert "process" in str(holder)


def test_no_room_is_asked_for_what_another_launch_is_making(runner: Runner) -> None:
    other = Store(runner.store.root)
    lease = other.leases.acquire("a")
    assert lease is not None

    def says(one: Call, _attempt: int) -> Outcome:
        if one.key == "c":
            other.leases.release(lease)
        return Outcome(one.key, "done")

    ran = runner([call("a"), call("b"), call("c")], says)
    assert ran.done == 3
    assert runner.executor.submitted == ["b", "c", "a"]
    assert runner.executor.offered.count("a") == 2  # before that was known, and when it was over


def test_a_corrupt_input_goes_into_quarantine(runner: Runner) -> None:
    bad = ref_of("a")

    def write(folder: Path) -> None:
        (folder / "file").write_text("flipped")

    runner.store.publish(bad, write, Origin({}, {}, {}), None, 0.0)

    def says(one: Call, _attempt: int) -> Outcome:
        if one.key == "b":
            return Outcome(one.key, "input corrupt", error="the bytes changed", corrupt=bad)
        return Outcome(one.key, "done")

    ran = runner([call("b", ["a"]), call("c", ["b"]), call("d")], says)
    assert (ran.corrupt, ran.failed, ran.skipped, ran.done) == (1, [], 1, 1)
    assert not runner.store.has(bad)


def test_a_scorers_failure_inside_a_call_is_a_failure_of_cells(runner: Runner) -> None:
    failure = CellFailure(("k",), "ValueError: no", "Traceback …")
    ran = runner(
        CHAIN, lambda one, _: Outcome(one.key, "done", failures=(failure,) * (one.key == "b"))
    )
    assert [outcome.call_key for outcome in ran.failed] == ["b"]
    assert (ran.done, ran.skipped) == (4, 0)


def test_after_so_many_failures_nothing_new_starts(runner: Runner) -> None:
    calls = [call(f"c{number}") for number in range(10)]
    ran = runner(calls, failing(*(one.key for one in calls)), workers=2, max_failures=3)
    assert ran.gave_up
    assert not ran.interrupted
    assert 3 <= len(ran.failed) <= 4  # what runs already is finished
    assert len(runner.executor.submitted) == len(ran.failed)


def test_draining_finishes_what_runs_and_starts_nothing(runner: Runner) -> None:
    def says(one: Call, _attempt: int) -> Outcome:
        runner.stop.request()
        return Outcome(one.key, "done")

    calls = [call(f"c{number}") for number in range(10)]
    ran = runner(calls, says, workers=1)
    assert ran.interrupted
    assert not ran.gave_up
    assert runner.executor.submitted == ["c0"]
    assert ran.done == 1


def test_a_request_at_the_very_end_interrupts_nothing(runner: Runner) -> None:
    def says(one: Call, _attempt: int) -> Outcome:
        runner.stop.request()
        return Outcome(one.key, "done")

    ran = runner([call("only")], says)
    assert (ran.done, ran.interrupted) == (1, False)


def test_stopping_now_abandons_what_runs(runner: Runner) -> None:
    def says(one: Call, _attempt: int) -> Outcome:
        runner.stop.request_now()
        return Outcome(one.key, "done")

    ran = runner([call("a"), call("b"), call("c")], says, workers=2)
    assert ran.interrupted
    assert ran.done == 1
    assert len(runner.executor.submitted) == 2


@pytest.mark.parametrize("runs_in_this_process", [True, False])
def test_stopping_now_breaks_in_only_where_calls_are_performed_here(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, runs_in_this_process: bool
) -> None:
    monkeypatch.setattr(ScriptedExecutor, "runs_in_this_process", runs_in_this_process)

    def says(one: Call, _attempt: int) -> Outcome:
        runner.stop.request_now()
        runner.stop.break_in()  # as a signal's handler does
        return Outcome(one.key, "done")

    with pytest.raises(KeyboardInterrupt) if runs_in_this_process else nullcontext():
        runner([call("a"), call("b")], says)
    assert runner.leases_left() == []
    assert len(runner.heard("ended")) == (not runs_in_this_process)


def test_leases_go_back_when_a_listener_cannot_go_on(runner: Runner) -> None:
    def ended(*_: object, **__: object) -> None:
        raise OSError("the database is gone")

    runner.diary.ended = ended  # type: ignore[method-assign]
    with pytest.raises(OSError, match="the database is gone"):
        runner(CHAIN, workers=3)
    assert runner.leases_left() == []
