"""Requests to stop: the first Ctrl-C drains, the second stops now; neither loses finished work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stop", "signals_request"]


class Stop:
    """How soon the run should end: not at all, after what is running, or at once.

    is_over: set once the run ends anyway; workers are being stopped, which a further signal must
        not cut short.
    """

    def __init__(self) -> None:
        self._requests = 0
        self.is_over = False

    def request(self) -> None:
        """Ask to drain; asked again, to stop at once."""
        self._requests += 1

    def request_now(self) -> None:
        """Ask to stop at once."""
        self._requests = 2

    @property
    def draining(self) -> bool:
        """Whether nothing new may start."""
        return self._requests > 0

    @property
    def now(self) -> bool:
        """Whether what is running should be abandoned."""
        return self._requests > 1


@contextmanager
def signals_request(stop: Stop, say: Callable[[str], None]) -> Iterator[None]:
    """Let SIGINT drain and then stop, and SIGTERM stop at once, inside the block.

    Stopping at once raises KeyboardInterrupt where the main thread happens to be. ``say`` tells
    the user what was understood. Outside the main thread, which Python alone lets handle
    signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        stop.request()
        if stop.now:
            stop_now()
        elif not stop.is_over:
            say("finishing what is running; Ctrl-C again stops at once")

    def terminated(_number: int, _frame: FrameType | None) -> None:
        stop.request_now()
        stop_now()

    def stop_now() -> None:
        if not stop.is_over:
            say("stopping now; finished work is kept")
            raise KeyboardInterrupt

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, interrupted),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminated),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
