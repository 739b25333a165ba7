from __future__ import annotations

import pytest

from mood_sweeps.tracking import backoff as patience
from mood_sweeps.tracking.backoff import FIRST_DELAY_S, GIVE_UP_AFTER, LAST_DELAY_S, Backoff

A, B = ("pair", "s", "a"), ("pair", "s", "b")


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    return made


def test_delay_doubles_up_to_a_limit_and_starts_again_after_success(clock: Clock) -> None:
    tried = Backoff()
    delay = FIRST_DELAY_S
    for _ in range(12):
        tried.subject_failed(A, 1)
        tried.succeeded(B)
        clock.now += delay - 0.01
        assert not tried.may_try(A)
        clock.now += 0.01
        assert tried.may_try(A)
        delay = min(2 * delay, LAST_DELAY_S)
    tried.succeeded(A)
    tried.subject_failed(A, 1)
    clock.now += FIRST_DELAY_S
    assert tried.may_try(A)


@pytest.mark.usefixtures("clock")
def test_one_failing_subject_does_not_stop_others() -> None:
    tried = Backoff()
    tried.subject_failed(A, 1)
    assert tried.may_try()
    assert tried.may_try(B)
    assert not tried.may_try(A)


def test_failures_in_a_row_stop_everything_for_a_while(clock: Clock) -> None:
    tried = Backoff()
    for number in range(GIVE_UP_AFTER):
        assert tried.may_try()
        tried.subject_failed(("pair", "s", str(number)), 1)
    assert not tried.may_try()
    clock.now += FIRST_DELAY_S
    assert tried.may_try()


def test_hopeless_is_when_all_that_is_open_failed_repeatedly() -> None:
    tried = Backoff()
    assert not tried.is_hopeless(1)
    for _ in range(GIVE_UP_AFTER):
        tried.subject_failed(A, 2)
        tried.succeeded(B)
    assert tried.is_hopeless(2)
    assert not tried.is_hopeless(3)
    tried.succeeded(A)
    assert not tried.is_hopeless(2)
    for _ in range(GIVE_UP_AFTER):
        tried.everything_failed()
    assert tried.is_hopeless(1000)
