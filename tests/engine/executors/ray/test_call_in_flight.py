from __future__ import annotations

import pytest

from mood_sweeps.engine.executors.ray import call_in_flight as attempts
from mood_sweeps.engine.executors.ray.call_in_flight import CallInFlight
from mood_sweeps.engine.executors.ray.worker_pool import Actor, Pool
from mood_sweeps.engine.executors.ray.worker_shapes import Shape
from mood_sweeps.jobs.outcome import Outcome, Verdict
from tests.support.scripted_executor import call


def shared(size: int = 3) -> CallInFlight:
    members = {f"r{rank}": Actor(f"handle {rank}", None) for rank in range(size)}
    return CallInFlight(call("c"), Pool(Shape(1, 0, size, imports_torch=True)), members)


def outcome(verdict: Verdict, worker: str = "") -> Outcome:
    return Outcome("c", verdict, worker=worker)


def test_a_call_on_one_actor_is_over_with_it() -> None:
    attempt = shared(1)
    assert not attempt.is_over
    attempt.add_outcome("r0", outcome("failed"))
    assert attempt.is_over
    assert attempt.outcome().verdict == "failed"


def test_it_is_over_when_all_are_back_and_the_leader_speaks_for_them() -> None:
    attempt = shared()
    for reference in ("r2", "r0", "r1"):
        assert not attempt.is_over
        attempt.add_outcome(reference, outcome("done", worker=reference))
    assert attempt.is_over
    assert attempt.outcome().worker == "r0"


@pytest.mark.parametrize("cause", ["failed", "input corrupt"])
def test_who_lost_the_others_is_asked_after_who_says_why(cause: Verdict) -> None:
    attempt = shared()
    attempt.add_outcome("r0", outcome("worker lost"))
    attempt.add_outcome("r1", outcome("worker lost"))
    attempt.add_outcome("r2", outcome(cause, worker="r2"))
    assert (attempt.outcome().verdict, attempt.outcome().worker) == (cause, "r2")


def test_a_leader_that_is_done_is_done_whatever_became_of_the_others() -> None:
    attempt = shared(2)
    attempt.add_outcome("r1", outcome("worker lost"))
    attempt.add_outcome("r0", outcome("done"))
    assert attempt.outcome().verdict == "done"


def test_the_last_are_waited_for_a_while_once_the_first_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "GRACE_S", 0.0)
    attempt = shared()
    assert attempt.take_overdue() == []
    attempt.add_outcome("r1", outcome("worker lost"))
    monkeypatch.undo()
    assert [actor.handle for actor in attempt.take_overdue()] == ["handle 0", "handle 2"]
    assert attempt.take_overdue() == []  # they are on their way
    attempt.add_outcome("r0", outcome("worker lost"))
    attempt.add_outcome("r2", outcome("worker lost"))
    assert attempt.take_overdue() == []
    assert attempt.outcome().verdict == "worker lost"


def test_a_leader_may_take_its_time_to_publish_but_no_assistant_to_follow_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "GRACE_S", 0.0)
    attempt = shared()
    attempt.add_outcome("r1", outcome("done"))
    assert attempt.take_overdue() == []
    attempt.add_outcome("r0", outcome("done"))
    assert [actor.handle for actor in attempt.take_overdue()] == ["handle 2"]
