"""Who a process is, so that another process on the same host can tell whether it still lives."""

from __future__ import annotations

import functools
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Process", "this_process"]


@dataclass(frozen=True)
class Process:
    """A process named so that its number being used again cannot deceive.

    started: ticks or seconds since some fixed point, as the platform tells it.
    boot: identity of the host's current boot; a process of an earlier boot is dead.
    """

    host: str
    pid: int
    started: float
    boot: str

    def is_surely_dead(self) -> bool:
        """Whether the process is known to be gone; False for another host, which nobody knows."""
        here = this_process()
        if self.host != here.host:
            return False
        if self.boot != here.boot:
            return True
        try:
            seen = psutil.Process(self.pid)
            return seen.status() == psutil.STATUS_ZOMBIE or seen.create_time() != self.started
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False

    def as_dict(self) -> dict[str, Any]:
        """Return the four fields as plain data."""
        return asdict(self)


def this_process() -> Process:
    """Return who the calling process is (a forked child is a process of its own)."""
    return _identify(os.getpid())


@functools.lru_cache(maxsize=1)
def _identify(pid: int) -> Process:
    return Process(platform.node(), pid, psutil.Process(pid).create_time(), _boot_id())


def _boot_id() -> str:
    linux = Path("/proc/sys/kernel/random/boot_id")
    if linux.exists():
        return linux.read_text().strip()
    return f"{psutil.boot_time():.0f}"
