from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.engine.schedule import Schedule
from mood_sweeps.planning.calls import Call
from tests.support.scripted_executor import call


def graph(needs: list[set[int]], rng: random.Random) -> list[Call]:
    """Return calls that need some of the ones before them, shuffled."""
    kinds = ("pretrain", "finetune", "extract", "score")
    calls = [
        call(f"c{n}", [f"c{need}" for need in sorted(before) if need < n], rng.choice(kinds))
        for n, before in enumerate(needs)
    ]
    rng.shuffle(calls)
    return calls


def ancestors(calls: list[Call]) -> dict[str, set[str]]:
    needs = {one.key: one.needs for one in calls}
    maker = {ref: one.key for one in calls for ref in one.makes}

    def above(key: str) -> set[str]:
        direct = {maker[ref] for ref in needs[key]}
        return direct.union(*map(above, direct))

    return {key: above(key) for key in needs}


@given(
    needs=st.lists(st.sets(st.integers(0, 11), max_size=3), min_size=1, max_size=12),
    failing=st.sets(st.integers(0, 11)),
    seed=st.integers(0, 1000),
    workers=st.integers(1, 4),
)
def test_whatever_fails_and_in_whatever_order_things_end(
    needs: list[set[int]], failing: set[int], seed: int, workers: int
) -> None:
    rng = random.Random(seed)
    calls = graph(needs, rng)
    above = ancestors(calls)
    fails = {f"c{number}" for number in failing} & set(above)
    schedule = Schedule(calls)
    running: list[Call] = []
    started: list[str] = []
    done: set[str] = set()
    failed: set[str] = set()
    skipped: list[str] = []
    while not schedule.finished:
        while len(running) < workers and (one := schedule.pop()) is not None:
            if rng.random() < 0.2:
                schedule.put_back(one)
                break
            assert above[one.key] <= done  # never before its inputs
            started.append(one.key)
            running.append(one)
        if not running:
            continue
        ended = running.pop(rng.randrange(len(running)))
        if ended.key in fails:
            failed.add(ended.key)
            skipped += [one.key for one in schedule.fail(ended)]
        else:
            done.add(ended.key)
            schedule.succeed(ended)
    assert not running
    assert len(set(started)) == len(started)  # never twice
    assert len(set(skipped)) == len(skipped)
    doomed = {key for key in above if above[key] & fails}
    assert set(skipped) == doomed
    assert failed == fails - doomed
    assert done == set(above) - doomed - fails
    assert schedule.pop() is None


def order(calls: list[Call], seconds: dict[str, float] | None = None) -> list[str]:
    schedule = Schedule(calls, seconds)
    popped = []
    while (one := schedule.pop()) is not None:
        popped.append(one.key)
    return popped


def test_short_calls_go_before_training() -> None:
    calls = [
        call("t", kind="pretrain"),
        call("s", kind="score"),
        call("x"),
        call("f", kind="finetune"),
    ]
    assert set(order(calls)[:2]) == {"s", "x"}


def test_the_longest_way_to_go_goes_first() -> None:
    calls = [
        call("short", kind="pretrain"),
        call("long", kind="pretrain"),
        call("longs", ["long"], kind="finetune"),
    ]
    assert order(calls) == ["long", "short"]
    assert order(calls, {"short": 10.0, "long": 1.0, "longs": 2.0}) == ["short", "long"]


def no_extraction(calls: Sequence[Call]) -> Call | None:
    return next((call for call in calls if call.kind != "extract"), None)


def test_a_free_worker_takes_the_most_urgent_call_of_those_it_is_made_for() -> None:
    urgent = [call(f"x{number}") for number in range(50)]
    behind = [call("t", kind="pretrain"), call("s", kind="score"), call("s2", kind="score")]
    schedule = Schedule([*urgent, *behind], {one.key: 5.0 for one in urgent})
    popped = [schedule.pop(no_extraction) for _ in range(4)]
    assert [one and one.key for one in popped] == ["s", "s2", "t", None]
    assert (first := schedule.pop()) is not None
    assert first.key == "x0"


def test_equals_keep_the_order_they_were_given_in() -> None:
    names = [f"c{number}" for number in (3, 1, 2, 5, 4)]
    assert order([call(name) for name in names]) == names


def test_what_is_made_elsewhere_is_taken_to_be_there() -> None:
    assert order([call("x", ["not in this schedule"])]) == ["x"]


def test_a_chain_far_longer_than_the_stack_is_no_trouble() -> None:
    calls = [call("c0"), *(call(f"c{n}", [f"c{n - 1}"]) for n in range(1, 3000))]
    schedule = Schedule(calls)
    first = schedule.pop()
    assert first is not None
    assert len(schedule.fail(first)) == 2999
    assert schedule.finished


def test_an_empty_schedule_is_finished() -> None:
    schedule = Schedule([])
    assert schedule.finished
    assert schedule.pop() is None


def test_what_takes_less_than_a_second_goes_before_long_trainings() -> None:
    calls = [call("long", kind="pretrain"), call("drawn", kind="pretrain")]
    assert order(calls, {"long": 100.0, "drawn": 0.5}) == ["drawn", "long"]
