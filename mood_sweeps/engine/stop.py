"""Requests to stop: the first Ctrl-C drains, the second stops now; neither loses finished work.

A signal only sets a flag, which waiting code checks several times a second. An exception
out of a signal handler can come up in the middle of anything, where it is swallowed, taken for a
failure or shown as a traceback; so it is raised only where nothing else ends what runs: in a block
that asks for it by `Stop.breaking_in`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

__all__ = ["Stop", "signals_request"]

DRAINING = "finishing what is running; Ctrl-C again stops at once"
STOPPING = "stopping now; finished work is kept"


class Stop:
    """How soon the run should end: not at all, after what is running, or at once.

    requests: how often it was asked for. is_over: set once the run ends anyway; workers are being
    stopped, which a further signal must not cut short.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.is_over = False
        self._is_now = False
        self._breaks_in = False

    def request(self) -> None:
        """Ask to drain; asked again, to stop at once."""
        self.requests += 1
        self._is_now = self.requests > 1

    def request_now(self) -> None:
        """Ask to stop at once."""
        self.requests += 1
        self._is_now = True

    @property
    def draining(self) -> bool:
        """Whether nothing new may start."""
        return self.requests > 0

    @property
    def now(self) -> bool:
        """Whether what is running should be abandoned."""
        return self._is_now

    @contextmanager
    def breaking_in(self) -> Iterator[None]:
        """Let a signal that asks to stop at once raise KeyboardInterrupt inside the block."""
        self._breaks_in = True
        try:
            self.break_in()  # asked for just before
            yield
        finally:
            self._breaks_in = False

    def break_in(self) -> None:
        """Raise KeyboardInterrupt, once, where that is wanted and asked for."""
        if self.now and self._breaks_in:
            self._breaks_in = False  # what is cleaned up on the way out is not to be cut short
            raise KeyboardInterrupt

    def break_in_was_lost(self) -> None:
        """Let the next signal break in, as the last one was swallowed where it came."""
        self._breaks_in = True


@contextmanager
def signals_request(stop: Stop, say: Callable[[str], None]) -> Iterator[None]:
    """Let SIGINT drain and then stop, and SIGTERM stop at once, inside the block.

    ``say`` tells the user what was understood, from a thread of its own: the main thread may be
    printing when the signal comes. Outside the main thread, which Python alone lets handle
    signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    words: SimpleQueue[str] = SimpleQueue()  # a handler may put into it, whatever it interrupts

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        asked_now = stop.now
        stop.request()
        understood(asked_now)

    def terminated(_number: int, _frame: FrameType | None) -> None:
        asked_now = stop.now
        stop.request_now()
        understood(asked_now)

    def understood(asked_now_before: bool) -> None:
        if not stop.is_over and not asked_now_before:
            words.put(STOPPING if stop.now else DRAINING)
        stop.break_in()

    def speak() -> None:
        while word := words.get():
            say(word)

    def unraisable(lost: sys.UnraisableHookArgs) -> None:
        # Callbacks of the garbage collector and destructors swallow what is raised in them.
        if lost.exc_type is KeyboardInterrupt and stop.now:
            stop.break_in_was_lost()
        else:
            unraisable_before(lost)

    unraisable_before = sys.unraisablehook
    sys.unraisablehook = unraisable
    speaker = threading.Thread(target=speak, name="signals-understood", daemon=True)
    speaker.start()
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, interrupted),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminated),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        sys.unraisablehook = unraisable_before
        words.put("")
        speaker.join()
