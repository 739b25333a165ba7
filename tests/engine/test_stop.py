from __future__ import annotations

import os
import signal
import threading

import pytest

from mood_sweeps.engine.stop import Stop, signals_request

UNDERSTOOD = [
    "finishing what is running; Ctrl-C again stops at once",
    "stopping now; finished work is kept",
]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_the_first_interrupt_drains_the_second_stops_and_a_third_changes_nothing() -> None:
    stop, said = Stop(), list[str]()
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signals_request(stop, said.append):
        send(signal.SIGINT)
        assert (stop.draining, stop.now) == (True, False)
        send(signal.SIGINT)
        assert stop.now
        send(signal.SIGINT)
    assert said == UNDERSTOOD
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_termination_stops_at_once_and_is_understood_once() -> None:
    stop, said = Stop(), list[str]()
    with signals_request(stop, said.append):
        send(signal.SIGTERM)
        assert stop.now
        send(signal.SIGTERM)
    assert said == UNDERSTOOD[1:]


def test_an_exception_comes_only_into_a_block_that_asks_for_it_and_only_once() -> None:
    stop, cleaned_up = Stop(), list[bool]()

    def work() -> None:
        try:
            send(signal.SIGINT)
        finally:
            send(signal.SIGTERM)  # nor is the cleaning up cut short
            cleaned_up.append(True)

    with signals_request(stop, lambda _: None):
        with stop.breaking_in():
            send(signal.SIGINT)  # draining cuts nothing short
        with pytest.raises(KeyboardInterrupt), stop.breaking_in():
            work()
        assert cleaned_up
        send(signal.SIGTERM)


def test_a_request_just_before_the_block_is_not_missed() -> None:
    stop = Stop()
    stop.request_now()
    with pytest.raises(KeyboardInterrupt), stop.breaking_in():
        pytest.fail("the block was begun")


def test_nothing_is_said_once_the_run_is_over() -> None:
    stop, said = Stop(), list[str]()
    with signals_request(stop, said.append):
        stop.is_over = True
        send(signal.SIGTERM)
    assert (said, stop.requests) == ([], 1)


def test_what_is_understood_is_said_while_the_main_thread_is_busy() -> None:
    stop, said = Stop(), threading.Event()
    with signals_request(stop, lambda _: said.set()):
        send(signal.SIGINT)
        assert said.wait(10)


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def launch() -> None:
        with signals_request(Stop(), lambda _: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=launch)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_signal_that_a_destructor_swallows_shows_nothing_and_the_next_one_breaks_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Sends:
        def __del__(self) -> None:
            send(signal.SIGTERM)

    stop = Stop()
    with signals_request(stop, lambda _: None), stop.breaking_in():
        Sends()
        assert stop.now
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
    assert "Exception ignored" not in capsys.readouterr().err
