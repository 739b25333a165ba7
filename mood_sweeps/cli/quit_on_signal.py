"""A signal where nothing is under way that must be ended in order: the process quits at once.

Python's own way, an exception wherever it happens to be, ends in a traceback if that is in the
middle of an import, in a finaliser or while the interpreter shuts down.
"""

from __future__ import annotations

import atexit
import os
import signal
from types import FrameType

__all__ = ["STOPPED", "quit_at_once"]

STOPPED = 130
"""The exit code of what was asked to stop."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def quit_at_once() -> None:
    """From now on let Ctrl-C and SIGTERM end the process as kill -9 would, but politely.

    Only for what may be killed at any moment and goes on from there, as a launch does; while it
    runs, it takes the signals into its own hands.
    """
    atexit.register(_ignore)  # the first registered runs last: what follows it takes no time
    for number in _SIGNALS:
        signal.signal(number, _quit)


def _quit(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"stopped; finished work is kept\n")
    os._exit(STOPPED)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
