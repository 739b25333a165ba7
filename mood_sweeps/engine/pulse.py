"""Whether the head of a Ray cluster still answers, known before Ray draws its own conclusions.

Ray ends the driver's process, without a word, a minute after its head node is gone.
"""

from __future__ import annotations

import socket
import time

from mood_sweeps.errors import ExecutorLost

__all__ = ["CONNECT_TIMEOUT_S", "Pulse"]

CONNECT_TIMEOUT_S = 5.0
PULSE_S = 3.0
MOST_SILENT_PULSES = 3


class Pulse:
    """Asks the head at ``address`` (host:port) every few seconds; without one, nobody."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._last = time.monotonic()
        self._silent = 0

    def check(self) -> None:
        """Raise ExecutorLost if the head did not answer several times in a row."""
        if not self._address or time.monotonic() - self._last < PULSE_S:
            return
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
            self._silent = 0
        except OSError as error:
            self._silent += 1
            if self._silent >= MOST_SILENT_PULSES:
                raise ExecutorLost(
                    f"the Ray cluster at {self._address} is gone: {error.strerror or error}"
                ) from error
        self._last = time.monotonic()
