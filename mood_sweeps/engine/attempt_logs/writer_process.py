"""The process that writes the logs of a worker: it outlives a worker that is killed.

The output of a worker and the commands to it come through one pipe, so that they stay in order. A
command is a line of JSON between two marks that no output contains.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from mood_sweeps.engine.attempt_logs.log_file import LogFile
from mood_sweeps.redaction import Secrets

__all__ = ["command", "main"]


def command(mark: bytes, log: Path | None) -> bytes:
    """Return the bytes that have the output from here on written into ``log``; None ends a log."""
    return mark + json.dumps(None if log is None else str(log)).encode() + mark


def main(mark: bytes, done: int) -> None:
    """Write what comes on standard input until it ends; answer every end of a log on ``done``."""
    writer = _Writer(mark, done)
    while content := os.read(0, 1 << 18):
        writer.take(content)
    writer.end()


class _Writer:
    """Divides what comes into output and commands."""

    def __init__(self, mark: bytes, done: int) -> None:
        self._mark = mark
        self._done = done
        self._secrets = Secrets()
        self._file: LogFile | None = None
        self._waiting = b""

    def take(self, content: bytes) -> None:
        self._waiting += content
        while self._mark in self._waiting:
            output, _, rest = self._waiting.partition(self._mark)
            asked, mark, after = rest.partition(self._mark)
            if not mark:  # the rest of the command is still to come
                self._output(output)
                self._waiting = self._mark + asked
                return
            self._output(output)
            self._obey(json.loads(asked))
            self._waiting = after
        # The end of what came may be the beginning of a mark.
        kept = len(self._mark) - 1 if self._mark[:1] in self._waiting[-len(self._mark) :] else 0
        whole = max(0, len(self._waiting) - kept)
        self._output(self._waiting[:whole])
        self._waiting = self._waiting[whole:]

    def end(self) -> None:
        self._output(self._waiting)
        if self._file is not None:
            self._file.close()

    def _output(self, output: bytes) -> None:
        if self._file is not None and output:
            self._file.write(output)

    def _obey(self, log: str | None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if log is None:
            os.write(self._done, b".")
        else:
            self._file = LogFile(Path(log), self._secrets)
