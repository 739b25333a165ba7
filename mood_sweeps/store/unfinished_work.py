"""Unfinished work: the state of a training under way, in one file that is replaced as a whole."""

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
    """The place where one stage's unfinished work is kept between launches.

    lease: writes are refused with LeaseLost once it was taken over; None never refuses.
    """

    path: Path
    lease: Lease | None = None

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> bytes | None:
        """Return what was written last; None if there is nothing, or its bytes have changed."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        size = hashlib.sha256().digest_size
        checksum, content = content[:size], content[size:]
        return content if hashlib.sha256(content).digest() == checksum else None

    def write(self, content: bytes) -> None:
        """Replace what is there; a process killed meanwhile leaves one of the two, whole."""
        if self.lease is not None:
            self.lease.check()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        try:
            with aside.open("wb") as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, self.path)
        finally:
            aside.unlink(missing_ok=True)

    def part(self, name: str) -> Unfinished:
        """Return a place of its own beside it, for one of several trainings of the stage."""
        return Unfinished(self.path.with_name(f"{self.path.name}-{name}"), self.lease)

    def discard(self) -> None:
        """Forget it and its parts, when the work is finished."""
        with contextlib.suppress(OSError):
            for path in [self.path, *self.path.parent.glob(f"{self.path.name}-*")]:
                path.unlink(missing_ok=True)
