"""Unfinished work: the resume state of a training, in one file that is replaced as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.store.leases import Lease

__all__ = ["Unfinished"]


@dataclass(frozen=True)
class Unfinished:
    """The file that keeps one stage's unfinished work between launches.

    lease: once it was taken over, writes raise LeaseLost; with None they never do.
    """

    path: Path
    lease: Lease | None = None

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> bytes | None:
        """Return what was written last; None if nothing was, or its bytes have changed."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        size = hashlib.sha256().digest_size
        checksum, content = content[:size], content[size:]
        return content if hashlib.sha256(content).digest() == checksum else None

    def write(self, content: bytes) -> None:
        """Replace the content; a process killed meanwhile leaves the old or the new one."""
        if self.lease is not None:
            self.lease.check()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def part(self, name: str) -> Unfinished:
        """Return a separate file beside it, for one of several trainings of the stage."""
        return Unfinished(self.path.with_name(f"{self.path.name}-{name}"), self.lease)

    def discard(self) -> None:
        """Delete it and its parts, when the work is finished."""
        with contextlib.suppress(OSError):
            for path in [self.path, *self.path.parent.glob(f"{self.path.name}-*")]:
                path.unlink(missing_ok=True)
