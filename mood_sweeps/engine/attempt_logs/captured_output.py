"""The logs of attempts in a worker process: all that it, its libraries and native code print."""

from __future__ import annotations

import ctypes
import io
import json
import os
import secrets
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mood_sweeps.engine.attempt_logs.log_records import Write, records_into
from mood_sweeps.engine.attempt_logs.writer_process import command

__all__ = ["WATCH", "CapturedOutput"]

WATCH = "log-writer-watch"
"""The name of the thread that waits for the end of the writer process."""

_END_S = 10.0
"""How long an attempt waits, when it has ended, until its log is written."""
_PACKAGE_IN = Path(__file__).parents[3]
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from mood_sweeps.engine.attempt_logs.writer_process import main; "
    "main(bytes.fromhex(sys.argv[1]), int(sys.argv[2]))"
)


class CapturedOutput:
    """Sends standard output and error of this process to a writer process during an attempt.

    Through a pipe and another process: what was printed is written even if this one is killed, and
    native code that prints while it holds Python's lock cannot wait for itself.
    """

    def __init__(self) -> None:
        self._mark = b"\0" + secrets.token_hex(16).encode() + b"\0"
        self._lock = threading.Lock()
        self._is_capturing = False
        self._process: subprocess.Popen[bytes] | None = None
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)  # a killed process flushes nothing
        self._start()

    @contextmanager
    def into(self, log: Path | None, level: str) -> Iterator[Write]:
        """Log what happens in the block, and yield what writes into the log alone."""
        if log is None or not self._is_writing():
            yield lambda _: None
            return
        _flush()
        saved = [os.dup(descriptor) for descriptor in (1, 2)]
        self._send(command(self._mark, log))
        with self._lock:
            self._is_capturing = True
            for descriptor in (1, 2):
                os.dup2(self._pipe, descriptor)
        try:
            with records_into(self._write, level, every_thread=True):
                yield self._write
        finally:
            _flush()
            with self._lock:
                self._is_capturing = False
                for descriptor, before in zip((1, 2), saved, strict=True):
                    os.dup2(before, descriptor)
                    os.close(before)
            self._send(command(self._mark, None))
            if select.select([self._done], [], [], _END_S)[0]:
                os.read(self._done, 1)

    def _write(self, text: str) -> None:
        _flush()
        self._send(text.encode("utf-8", "replace"))

    def _send(self, content: bytes) -> None:
        with suppress(OSError):
            while content:
                content = content[os.write(self._pipe, content) :]

    def _is_writing(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._start()
        return self._process is not None

    def _start(self) -> None:
        read, self._pipe = os.pipe()
        self._done, done = os.pipe()
        paths = json.dumps([str(_PACKAGE_IN), *(path or os.getcwd() for path in sys.path)])
        arguments = [self._mark.hex(), str(done), paths]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, *arguments],
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(done,),
                start_new_session=True,  # no Ctrl-C ends it before it has written all
            )
        except OSError:
            self._process = None
        os.close(read)
        os.close(done)
        if self._process is not None:
            watched = self._process, self._pipe
            threading.Thread(target=self._watch, args=watched, name=WATCH, daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes], pipe: int) -> None:
        """Drop the output once the writer process has ended: printing must not fail without it."""
        process.wait()
        with self._lock, open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), pipe)
            if self._is_capturing and pipe == self._pipe:
                for descriptor in (1, 2):
                    os.dup2(pipe, descriptor)


def _flush() -> None:
    """Pass on what Python and C still hold of what was printed."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
