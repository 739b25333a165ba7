from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mood_sweeps.engine.executors.ray import worker_pool as worker_pool
from mood_sweeps.engine.executors.ray.worker_pool import Actor, Pool, first_startable
from mood_sweeps.engine.executors.ray.worker_shapes import Shape
from mood_sweeps.planning.calls import Call
from tests.support.scripted_executor import call


def in_micro_batches(count: int) -> Call:
    """Return a training with so many micro-batches to a batch."""
    stage: Any = SimpleNamespace(n_micro_batches=count)
    return replace(call("shared", kind="pretrain"), stages=(stage,))


def pool(count: int, most: int = 1, *, starting: int = 0, hosts: str = "") -> Pool:
    ready: list[Any] = [
        Actor(f"handle {n}", None, host) for n, host in enumerate(hosts or "a" * count)
    ]
    late = [Actor(f"late {n}", "reference") for n in range(starting)]
    return Pool(Shape(1, 0, count + starting, imports_torch=True), most, [*ready, *late])


def test_a_call_takes_one_actor_that_is_free() -> None:
    some = pool(3, most=3)
    some.actors[0].is_busy = True
    assert some.free(call("any")) == [some.actors[1]]
    for actor in some.actors:
        actor.is_busy = True
    assert some.free(call("any")) == []


@pytest.mark.parametrize(
    ("parts", "most", "actors", "taken"),
    [(4, 8, 3, 3), (4, 2, 3, 2), (2, 8, 3, 2), (8, 1, 3, 1), (1, 8, 3, 1), (3, 3, 1, 1)],
)
def test_as_many_share_as_there_are_parts_and_actors_and_as_may(
    parts: int, most: int, actors: int, taken: int
) -> None:
    assert len(pool(actors, most).free(in_micro_batches(parts))) == taken


def test_who_shares_a_training_is_of_one_node_as_far_as_may_be() -> None:
    some = pool(5, most=3, hosts="abbab")
    assert [actor.host for actor in some.free(in_micro_batches(3))] == ["b", "b", "b"]
    assert len(some.free(in_micro_batches(2))) == 2
    twice_two = pool(4, most=2, hosts="abab")
    assert [actor.host for actor in twice_two.free(in_micro_batches(2))] == ["a", "a"]


def test_actors_that_start_are_waited_for_and_after_a_while_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = pool(2, most=4, starting=2)
    assert some.free(in_micro_batches(4)) == []
    monkeypatch.setattr(worker_pool, "STARTING_S", 0.0)
    assert len(some.free(in_micro_batches(4))) == 2
    assert pool(0, most=4, starting=4).free(in_micro_batches(4)) == []


def test_one_that_was_lost_is_waited_for_until_its_successor_has_had_time_to_start() -> None:
    some = pool(2, most=2)
    some.actors.pop()
    assert some.free(in_micro_batches(2)) == []
    successor = Actor("new", "reference")
    some.actors.append(successor)
    assert some.free(in_micro_batches(2)) == []
    successor.begun_at -= worker_pool.STARTING_S
    assert len(some.free(in_micro_batches(2))) == 1


def test_free_actors_are_kept_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    some = pool(3, most=3)
    some.actors[0].is_busy = True  # for hours, maybe
    for _ in range(2):
        assert first_startable({"pretrain": some}, [in_micro_batches(3)]) is None
    monkeypatch.setattr(worker_pool, "RESERVED_S", 0.0)
    assert first_startable({"pretrain": some}, [in_micro_batches(3)]) is not None
    assert some.take(in_micro_batches(3)) == some.actors[1:]
    assert first_startable({"pretrain": some}, [in_micro_batches(3)]) is None  # no actor is free
    some.actors[1].is_busy = False
    monkeypatch.undo()
    assert (
        first_startable({"pretrain": some}, [in_micro_batches(3)]) is None
    )  # the next one waits anew


def test_actors_that_were_busy_meanwhile_were_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "RESERVED_S", 0.0)
    some = pool(2, most=2)
    first, second = some.actors
    second.is_busy = True
    for first.is_busy in (False, True, False):  # meanwhile with something more urgent
        assert first_startable({"pretrain": some}, [in_micro_batches(2)]) is None
    assert first_startable({"pretrain": some}, [in_micro_batches(2)]) is not None
