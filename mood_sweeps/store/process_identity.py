"""The identity of a process, by which another one on the same host can tell if it still lives."""

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

    started: clock ticks since boot (Linux) or seconds since the epoch, as the platform tells it.
    boot: identity of the host's current boot, and after a space of the pid namespace where there
        is one: two containers may share a host's name and know nothing of each other's processes.
    """

    host: str
    pid: int
    started: float
    boot: str

    @property
    def can_be_seen(self) -> bool:
        """Whether this host's process table says if the process lives."""
        here = this_process()
        if self.host != here.host:
            return False
        boot, _, namespace = self.boot.partition(" ")
        boot_here, _, namespace_here = here.boot.partition(" ")
        return boot != boot_here or namespace == namespace_here

    def is_surely_dead(self) -> bool:
        """Whether the process is known to be gone; False where it cannot be seen."""
        if not self.can_be_seen:
            return False
        if self.boot != this_process().boot:
            return True
        try:
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
            return _started(self.pid) != self.started
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return True
        except psutil.AccessDenied:
            return False

    def as_dict(self) -> dict[str, Any]:
        """Return the four fields as plain data."""
        return asdict(self)


def this_process() -> Process:
    """Return the identity of the calling process (a forked child is a process of its own)."""
    return _identify(os.getpid())


@functools.lru_cache(maxsize=1)
def _identify(pid: int) -> Process:
    return Process(platform.node(), pid, _started(pid), _boot())


def _started(pid: int) -> float:
    """Return when a process started, the same number for every caller at any time.

    Not psutil's ``create_time`` on Linux: that adds the boot time as the clock has it now, so two
    processes that ask before and after the clock is set right disagree.
    """
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return psutil.Process(pid).create_time()
    # proc(5): the name, field 2, is in parentheses and may hold anything; field 22 is the start.
    return float(stat.read_text().rpartition(")")[2].split()[19])


def _boot() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return f"{psutil.boot_time():.0f}"
    return f"{boot.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
