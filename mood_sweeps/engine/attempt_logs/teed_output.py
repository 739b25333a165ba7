"""The log of an attempt in this very process: what it prints is logged, and shown as ever."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO, cast

from mood_sweeps.engine.attempt_logs.log_file import LogFile
from mood_sweeps.engine.attempt_logs.log_records import Write, records_into
from mood_sweeps.redaction import Secrets

__all__ = ["TeedOutput", "shown_stderr"]


class TeedOutput:
    """Logs an attempt in the process that shows the launch; a debugger works as ever.

    What Python code prints goes to the log, too; what native code prints below Python does not.
    """

    @contextmanager
    def into(self, log: Path | None, level: str) -> Iterator[Write]:
        """Log what happens in the block, and yield what writes into the log alone."""
        if log is None:
            yield lambda _: None
            return
        file, lock = LogFile(log, Secrets()), threading.Lock()

        def write(text: str) -> None:
            with lock:  # threads print too: of plugins' output, and of signals
                file.write(text.encode("utf-8", "replace"))

        out, err = (cast(TextIO, _Tee(stream, write)) for stream in (sys.stdout, sys.stderr))
        try:
            with (
                redirect_stdout(out),
                redirect_stderr(err),
                records_into(write, level, every_thread=False),
            ):
                yield write
        finally:
            with lock:
                file.close()


def shown_stderr() -> TextIO:
    """Return standard error for what has another way into the log, or should not get there."""
    stream = sys.stderr
    return stream.shown if isinstance(stream, _Tee) else stream


class _Tee:
    """A text stream that also logs; everything else is the stream's own."""

    def __init__(self, stream: TextIO, write: Write) -> None:
        self.shown = stream
        self._write = write

    def write(self, text: str) -> int:
        self._write(text)
        return self.shown.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shown, name)
