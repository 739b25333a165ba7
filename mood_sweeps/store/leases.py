"""Leases: who is making an object now, so that two launches on one store do nothing twice.

A lease is a file created exclusively (works on a local disk and on NFS). It names its holder and
carries a token that is new for every holding: a fencing token. What a former holder finishes
after its lease was taken over is refused at publication. A dead holder on the same host is known
at once (pid, start time, boot); one on another host is presumed dead when its heartbeat is older
than ``TTL_S`` seconds.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.errors import LeaseLost, StoreError
from mood_sweeps.store.process import Process, this_process

__all__ = ["HEARTBEAT_S", "TTL_S", "Lease", "Leases"]

TTL_S = 60.0
HEARTBEAT_S = TTL_S / 4


@dataclass(frozen=True)
class Lease:
    """Permission to make one thing; plain data, so that a worker can carry it.

    name: what is leased, usually a key. token: differs for every holding.
    """

    path: str
    name: str
    token: str

    def check(self) -> None:
        """Raise LeaseLost unless this very holding is still the current one."""
        try:
            held = json.loads(Path(self.path).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            held = {}
        if held.get("token") != self.token:
            raise LeaseLost(f"the lease on {self.name[:12]} was taken over; its work is discarded")


class Leases:
    """The leases of one store, as one process sees and holds them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def acquire(self, name: str) -> Lease | None:
        """Return a lease on ``name``, or None while a living process holds it."""
        path = self._folder / f"{name}.json"
        if self._create(path):
            return self._hold(name, path)
        if self.holder_is_gone(name) and self._break(path) and self._create(path):
            return self._hold(name, path)
        return None

    def release(self, lease: Lease) -> None:
        """Give a lease back; harmless if it was lost meanwhile."""
        with self._lock:
            self._held.pop(lease.name, None)
        try:
            lease.check()
            os.unlink(lease.path)
        except (LeaseLost, FileNotFoundError):
            pass

    def holder(self, name: str) -> Process | None:
        """Return who holds ``name`` now, or None."""
        try:
            held = json.loads((self._folder / f"{name}.json").read_text())
            return Process(**held["holder"])
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            return None

    def holder_is_gone(self, name: str) -> bool:
        """Whether ``name`` is leased to a process that is dead, or silent for ``TTL_S``."""
        path = self._folder / f"{name}.json"
        try:
            silent_s = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            return False
        holder = self.holder(name)
        if holder is None:
            # A half-written file: its writer died inside `_create`, or is in it right now.
            return silent_s > 1.0
        if holder.host == this_process().host:
            # The clock may jump; on one host the process table is the better witness.
            return holder.is_surely_dead()
        return silent_s > TTL_S

    def close(self) -> None:
        """Give every lease back and stop the heartbeat."""
        self._stop.set()
        if self._heart is not None:
            self._heart.join(timeout=5)
        for lease in list(self._held.values()):
            self.release(lease)

    def _create(self, path: Path) -> bool:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            return self._create(path)
        content = {"token": uuid.uuid4().hex, "holder": this_process().as_dict()}
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)
        return True

    def _break(self, path: Path) -> bool:
        """Take a dead holder's file away; exactly one of several breakers succeeds."""
        grave = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        before = path.read_bytes() if path.exists() else b""
        try:
            os.rename(path, grave)
        except FileNotFoundError:
            return False
        if grave.read_bytes() != before:
            # Between look and rename somebody else broke it and took the lease: put it back.
            try:
                os.link(grave, path)
            except FileExistsError as error:
                raise StoreError(f"three processes fought for the lease {path.name}") from error
            finally:
                os.unlink(grave)
            return False
        os.unlink(grave)
        return True

    def _hold(self, name: str, path: Path) -> Lease:
        lease = Lease(str(path), name, json.loads(path.read_text())["token"])
        with self._lock:
            self._held[name] = lease
            if self._heart is None:
                self._heart = threading.Thread(
                    target=self._beat, name="lease-heartbeat", daemon=True
                )
                self._heart.start()
        return lease

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            with self._lock:
                paths = [lease.path for lease in self._held.values()]
            for path in paths:
                try:
                    os.utime(path)
                except FileNotFoundError:
                    continue
