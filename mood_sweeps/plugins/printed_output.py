"""What the process of a plugin prints: passed on to the log, the last of it kept for a failure."""

from __future__ import annotations

import logging
import os
import selectors
import threading
from collections import deque

from mood_sweeps.errors import plain

__all__ = ["PrintedOutput"]

_log = logging.getLogger(__name__)

MOST_KEPT = 4_000
"""Bytes of what a plugin printed last that a failure shows."""
_AT_ONCE = 1 << 16
_MOST_READS = 64
"""Reads that `catch_up` makes at most: a plugin may print faster than anyone reads."""


class PrintedOutput:
    """Reads a pipe in a thread of its own until it ends.

    plugin: named in the log's records. descriptor: of the pipe's end; closed here.
    """

    def __init__(self, plugin: str, descriptor: int) -> None:
        self._plugin = plugin
        self._descriptor = descriptor
        self._last: deque[int] = deque(maxlen=MOST_KEPT)
        self._unfinished = b""
        self._has_ended = False
        self._lock = threading.Lock()
        os.set_blocking(descriptor, False)
        self._thread = threading.Thread(target=self._read_on, name="plugin-output", daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """Log what was printed up to now."""
        with self._lock:
            for _ in range(_MOST_READS):
                if not self._read():
                    break
            self._pass_on(whole_lines=False)

    def wait(self, timeout_s: float) -> None:
        """Wait until the pipe ends, as it does with the process."""
        self._thread.join(timeout_s)

    @property
    def last(self) -> str:
        """What was printed last, in lines that say so; empty if nothing."""
        with self._lock:
            text = bytes(self._last).decode("utf-8", "replace").strip()
        return f"it printed last:\n{text}" if text else ""

    def _read_on(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while not self._has_ended:
                selector.select()
                with self._lock:
                    self._read()
        with self._lock:
            self._pass_on(whole_lines=False)
            os.close(self._descriptor)

    def _read(self) -> bool:
        """Take what the pipe holds; return whether there was something."""
        if self._has_ended:
            return False
        try:
            content = os.read(self._descriptor, _AT_ONCE)
        except BlockingIOError:
            return False
        self._has_ended = not content
        self._last.extend(content[-MOST_KEPT:])
        self._unfinished += content
        self._pass_on(whole_lines=len(self._unfinished) < _AT_ONCE)
        return bool(content)

    def _pass_on(self, *, whole_lines: bool) -> None:
        """Log lines that have ended, or all there is."""
        end = self._unfinished.rfind(b"\n") + 1 if whole_lines else len(self._unfinished)
        text, self._unfinished = self._unfinished[:end], self._unfinished[end:]
        if text.strip() and _log.isEnabledFor(logging.INFO):
            _log.info("%s printed:\n%s", self._plugin, _plain_lines(text))


def _plain_lines(text: bytes) -> str:
    """Return what was printed without control codes."""
    return "\n".join(plain(line) for line in text.decode("utf-8", "replace").splitlines())
