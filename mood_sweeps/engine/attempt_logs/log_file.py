"""The log file of one attempt at a call: its name, its bounded size, no credentials in it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mood_sweeps.redaction import Secrets

__all__ = ["HEAD_BYTES", "TAIL_BYTES", "LogFile", "append_line", "log_name", "log_of_rank"]

HEAD_BYTES = TAIL_BYTES = 1 << 20
"""Bytes of an attempt's output that are kept from its beginning and from its end."""
_LONGEST_LINE = 1 << 16
"""Bytes after which a line is written although it has not ended."""
_REST_OF_DIGEST = re.compile(r"(?<=[0-9a-f]{12})[0-9a-f]+")


def log_name(call_key: str, attempt: int) -> str:
    """Return the name of an attempt's log in the folder of its launch."""
    return f"{_REST_OF_DIGEST.sub('', call_key)}-{attempt}.log"


def log_of_rank(log: Path, rank: int) -> Path:
    """Return the log of a rank above 0 of a training that several workers share."""
    return log.with_name(f"{log.stem}-rank{rank}{log.suffix}")


def append_line(log: Path, line: str) -> None:
    """Add a line to a log after its writer is gone; nothing where the log is on another machine."""
    with suppress(OSError), log.open("r+", encoding="utf-8") as file:
        file.seek(0, 2)
        file.write(f"{Secrets().hidden(line)}\n")


class LogFile:
    """Writes the output of an attempt, line by line as it comes.

    Past ``HEAD_BYTES`` the last ``TAIL_BYTES`` are kept in memory and written by `close`, below a
    line that says how many bytes were left out. No failure to write raises: a log that is lost must
    cost no result.
    """

    def __init__(self, path: Path, secrets: Secrets) -> None:
        self._secrets = secrets
        self._unfinished = b""
        self._room = HEAD_BYTES
        self._tail = bytearray()
        self._n_left_out = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO | None = path.open("ab", buffering=0)
        except OSError:
            self._file = None

    def write(self, content: bytes) -> None:
        """Take output, in pieces of any size."""
        if self._room <= 0:
            self._keep_last(content)
            return
        lines, newline, rest = (self._unfinished + content).rpartition(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, newline, rest = lines + newline + rest, b"", b""
        self._unfinished = rest
        written = lines + newline
        self._put(written[: self._room])
        self._keep_last(written[self._room :])
        self._room -= len(written)
        if self._room <= 0:
            self._keep_last(self._unfinished)
            self._unfinished = b""

    def close(self) -> None:
        """Write what is still kept, and close the file."""
        self._put(self._unfinished)
        if self._tail:
            tail = bytes(self._tail[-TAIL_BYTES:])
            n_left_out = self._n_left_out + len(self._tail) - len(tail)
            if n_left_out:
                # The rest of a line that was cut may begin amid a password.
                cut, newline, whole = tail.partition(b"\n")
                tail = whole if newline else tail
                n_left_out += len(cut) + 1 if newline else 0
                self._put(
                    f"\n… {n_left_out:,} bytes left out: a log keeps the first {HEAD_BYTES:,} and "
                    f"the last {TAIL_BYTES:,} bytes of an attempt …\n".encode()
                )
            self._put(tail)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep_last(self, content: bytes) -> None:
        self._tail += content[-2 * TAIL_BYTES :]
        self._n_left_out += max(0, len(content) - 2 * TAIL_BYTES)
        if len(self._tail) > 2 * TAIL_BYTES:
            self._n_left_out += len(self._tail) - TAIL_BYTES
            del self._tail[:-TAIL_BYTES]

    def _put(self, content: bytes) -> None:
        if self._file is None or not content:
            return
        try:
            self._file.write(self._secrets.hidden(content.decode("utf-8", "replace")).encode())
        except OSError:  # a full disk, for example
            self._file = None
