"""Records of standard `logging` in the log file of an attempt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["FORMAT", "PACKAGE", "Write", "records_into"]

Write = Callable[[str], None]
PACKAGE = "mood_sweeps"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ANY_THREAD = f"{PACKAGE}.plugins"
"""What plugins print is read in threads of its own."""


class _Handler(logging.Handler):
    """Writes a record as lines of text."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(logging.Formatter(FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record) + "\n")
        except Exception:  # as every handler of logging does
            self.handleError(record)


class _Divide(logging.Handler):
    """Passes on to everyone's handlers what they asked for, and the rest to the log file alone."""

    def __init__(self, log: logging.Handler, level: int) -> None:
        super().__init__()
        self._log = log
        self._level = level

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._level:
            logging.getLogger().handle(record)
        elif self._log.filter(record):
            self._log.handle(record)


@contextmanager
def records_into(write: Write, level: str, *, every_thread: bool) -> Iterator[None]:
    """Have records of this thread and of plugins, or of every thread, written inside the block.

    level: of the package's own records; those of libraries come as their loggers pass them on.
    """
    root, ours = logging.getLogger(), logging.getLogger(PACKAGE)
    log = _Handler(write)
    thread = threading.get_ident()
    log.addFilter(
        lambda record: (
            every_thread or record.thread == thread or record.name.startswith(_ANY_THREAD)
        )
    )
    level_before, propagate_before = ours.level, ours.propagate
    asked_for = ours.getEffectiveLevel()
    divide = _Divide(log, asked_for)
    root.addHandler(log)
    ours.addHandler(divide)
    ours.setLevel(min(logging.getLevelNamesMapping()[level.upper()], asked_for))
    ours.propagate = False
    try:
        yield
    finally:
        ours.setLevel(level_before)
        ours.propagate = propagate_before
        ours.removeHandler(divide)
        root.removeHandler(log)
