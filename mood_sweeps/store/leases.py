"""Leases: which launch makes an object, so that two launches on one store never make it twice.

A lease is a file that appears whole and exclusively: a hard link, which local disks and NFS both
refuse to make twice. It names its holder and carries a fencing token, new for every holding: the
store refuses to publish what a former holder finishes after its lease was taken over. A dead holder
on this host is recognised at once (pid, start time, boot). A holder that is not visible from here
counts as dead when its heartbeat is older than ``TTL_S`` seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.errors import StoreError
from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.store.process_identity import Process, this_process

__all__ = ["HEARTBEAT_S", "TTL_S", "Lease", "Leases"]

TTL_S = 60.0
HEARTBEAT_S = TTL_S / 4
UNREADABLE_TTL_S = 1.0


@dataclass(frozen=True)
class Lease:
    """The right to make one object; plain data, so that a call can take it to a worker.

    name: what is leased, usually a key. token: differs for every holding.
    """

    path: str
    name: str
    token: str

    def check(self) -> None:
        """Raise LeaseLost unless this holding is still the current one."""
        holding = _read_lease_file(Path(self.path))
        if holding is None or holding.token != self.token:
            raise LeaseLost(f"the lease on {self.name[:12]} was taken over; this work is discarded")


class Leases:
    """The leases of one store, for one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def acquire(self, name: str) -> Lease | None:
        """Return a lease on ``name``, or None while a living process holds it.

        Raises StoreError if no lease can be written, as on a full disk.
        """
        try:
            lease = self._create_or_take_over(name)
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"no lease can be written in {self._folder}: {reason}") from error
        if lease is not None:
            self._keep_alive(lease)
        return lease

    def release(self, lease: Lease) -> None:
        """Give a lease back; does nothing if it was lost meanwhile."""
        with self._lock:
            if self._held.get(lease.name) == lease:
                del self._held[lease.name]
        try:
            lease.check()
            os.unlink(lease.path)
        except (LeaseLost, FileNotFoundError):
            pass

    def holder(self, name: str) -> Process | None:
        """Return the process that holds ``name`` now, or None."""
        holding = _read_lease_file(self._path(name))
        return holding.holder if holding is not None else None

    def holder_is_gone(self, name: str) -> bool:
        """Whether ``name`` is leased to a process that is dead, or silent for ``TTL_S``."""
        holding = _read_lease_file(self._path(name))
        return holding is not None and holding.is_gone

    def remove_dead(self) -> None:
        """Remove the leases of dead holders: perhaps no launch will acquire these names again."""
        for path in sorted(self._folder.glob("*.json")):
            name = path.name.removesuffix(".json")
            if self.holder_is_gone(name) and (lease := self.acquire(name)) is not None:
                self.release(lease)

    def temporary_files(self) -> list[Path]:
        """Return the files of leases that are being written, or were when their writer died."""
        return list(self._folder.glob(".*"))

    def close(self) -> None:
        """Give every lease back and stop the heartbeat."""
        self._stop.set()
        if self._heart is not None:
            self._heart.join(timeout=5)
        for lease in list(self._held.values()):
            self.release(lease)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _create_or_take_over(self, name: str) -> Lease | None:
        return self._create(name) or self._take_over(name)

    def _create(self, name: str) -> Lease | None:
        lease, temporary = self._write_temporary(name)
        try:
            os.link(temporary, lease.path)
        except FileExistsError:
            # NFS may repeat a request if the answer was lost: then the existing link is ours.
            if temporary.stat().st_nlink < 2:
                return None
        finally:
            os.unlink(temporary)
        return lease

    def _take_over(self, name: str) -> Lease | None:
        """Replace a dead holder's lease; of several processes that try, exactly one succeeds.

        The right to replace a holding is a lease of its own, so a process that dies while it
        replaces one is itself replaced.
        """
        path = self._path(name)
        holding = _read_lease_file(path)
        if holding is None or not holding.is_gone:
            return None
        right = self._create_or_take_over(f"{name}.{holding.mark}")
        if right is None:
            return None
        try:
            current = _read_lease_file(path)
            if current is None or current.mark != holding.mark:
                return None
            lease, temporary = self._write_temporary(name)
            os.replace(temporary, path)
            return lease
        finally:
            os.unlink(right.path)

    def _write_temporary(self, name: str) -> tuple[Lease, Path]:
        """Write a lease to a temporary file; return the lease and that file."""
        lease = Lease(str(self._path(name)), name, uuid.uuid4().hex)
        content = json.dumps({"token": lease.token, "holder": this_process().as_dict()})
        temporary = self._folder / f".{lease.token}"
        try:
            temporary.write_text(content)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_text(content)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        return lease, temporary

    def _keep_alive(self, lease: Lease) -> None:
        with self._lock:
            self._held[lease.name] = lease
            if self._heart is None:
                self._heart = threading.Thread(
                    target=self._beat, name="lease-heartbeat", daemon=True
                )
                self._heart.start()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                try:
                    lease.check()  # our heartbeat must not renew the lease of another holder
                    os.utime(lease.path)
                except (LeaseLost, OSError):
                    continue


@dataclass(frozen=True)
class _Holding:
    """The content of a lease file at one moment.

    token, holder: None if the file cannot be read, as after a power failure. mark: differs for
    every holding. silent_s: seconds since the last heartbeat.
    """

    token: str | None
    holder: Process | None
    mark: str
    silent_s: float

    @property
    def is_gone(self) -> bool:
        if self.holder is None:
            return self.silent_s > UNREADABLE_TTL_S
        if self.holder.can_be_seen:
            # The clock may jump; on this host the process table is more reliable.
            return self.holder.is_surely_dead()
        return self.silent_s > TTL_S


def _read_lease_file(path: Path) -> _Holding | None:
    """Read a lease file; None if there is none."""
    try:
        content = path.read_bytes()
        silent_s = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    mark = hashlib.sha256(content).hexdigest()[:16]
    try:
        lease = json.loads(content)
        return _Holding(str(lease["token"]), Process(**lease["holder"]), mark, silent_s)
    except (ValueError, KeyError, TypeError):
        return _Holding(None, None, mark, silent_s)
