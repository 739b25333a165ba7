from __future__ import annotations

import os
import signal
import threading

import pytest

from mood_sweeps.engine.stop import Stop, signals_request


def test_the_first_interrupt_drains_the_second_stops() -> None:
    stop, said = Stop(), list[str]()
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signals_request(stop, said.append):
        os.kill(os.getpid(), signal.SIGINT)
        assert (stop.draining, stop.now) == (True, False)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.now
    assert said == [
        "finishing what is running; Ctrl-C again stops at once",
        "stopping now; finished work is kept",
    ]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_termination_stops_at_once() -> None:
    stop = Stop()
    with signals_request(stop, lambda _: None):
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.now


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
