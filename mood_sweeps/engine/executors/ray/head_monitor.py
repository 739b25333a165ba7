"""Whether the head of a Ray cluster still answers, known before Ray draws its own conclusions.

Without a head most calls into Ray block, and after a minute Ray ends the driver's process.
"""

from __future__ import annotations

import socket
import time

from mood_sweeps.errors import ExecutorLost

__all__ = ["CONNECT_TIMEOUT_S", "HeadMonitor"]

CONNECT_TIMEOUT_S = 5.0
PULSE_S = 3.0
MOST_SILENT_PULSES = 3


class HeadMonitor:
    """Polls the Ray head at ``address`` (host:port) every few seconds; without one, nothing."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._last = time.monotonic()
        self._silent = 0
        self._why = ""

    def answers(self) -> bool:
        """Whether the head answers right now."""
        if not self._address:
            return True
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
        except OSError as error:
            self._why = error.strerror or str(error)
            return False
        return True

    def check(self) -> None:
        """Raise ExecutorLost if the head did not answer several times in a row."""
        if time.monotonic() - self._last < PULSE_S:
            return
        self._silent = 0 if self.answers() else self._silent + 1
        if self._silent >= MOST_SILENT_PULSES:
            raise ExecutorLost(f"the Ray cluster at {self._address} is gone: {self._why}")
        self._last = time.monotonic()
