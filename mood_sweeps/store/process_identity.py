"""The identity of a process; other processes on the host can check whether it is alive."""

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
    """A process, identified by more than its pid, which the system uses again.

    started: clock ticks since boot (Linux) or seconds since the epoch, depending on the platform.
    boot: the identity of the host's current boot and, where there is one, after a space that of
        the pid namespace: two containers may share a host name and not see each other's processes.
    """

    host: str
    pid: int
    started: float
    boot: str

    @property
    def can_be_seen(self) -> bool:
        """Whether this host's process table can show the process."""
        here = this_process()
        if self.host != here.host:
            return False
        boot, _, namespace = self.boot.partition(" ")
        boot_here, _, namespace_here = here.boot.partition(" ")
        return boot != boot_here or namespace == namespace_here

    def is_surely_dead(self) -> bool:
        """Whether the process is certainly dead; False where it cannot be seen."""
        if not self.can_be_seen:
            return False
        if self.boot != this_process().boot:
            return True
        try:
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
            return _start_time(self.pid) != self.started
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return True
        except psutil.AccessDenied:
            return False

    def as_dict(self) -> dict[str, Any]:
        """Return the four fields as plain data."""
        return asdict(self)


def this_process() -> Process:
    """Return the identity of the calling process (a forked child has its own)."""
    return _identify(os.getpid())


@functools.lru_cache(maxsize=1)
def _identify(pid: int) -> Process:
    return Process(platform.node(), pid, _start_time(pid), _boot())


def _start_time(pid: int) -> float:
    """Return when a process started, the same number for every caller at any time.

    Not psutil's ``create_time`` on Linux: it adds the boot time according to the current clock, so
    it gives other values before and after the clock is corrected.
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
