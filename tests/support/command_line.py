"""Launches as a person starts them: the real command line in processes of its own, to be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

__all__ = ["SMALL", "Driven", "mood_sweep", "until"]

PATIENCE_S = 240
RAYS_OWN = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""Two idle helpers of Ray that report the death of a killed raylet for a minute."""
COMMAND = "from mood_sweeps.cli.main import main; main()"

SMALL = """\
name: small
axes:
  pretext: [{classification: {epochs: 2}}, random]
  backbone: [vit_nano, resnet_nano]
  finetune: [pt, {pt+ft: {ft: {epochs: 2}}}]
  scorer: [msp, energy, react, mahalanobis, knn]
  seed: [0, 1]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""


def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; fail, saying what did not come true, if it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"did not come true in {timeout_s} s: {what}"
        time.sleep(0.01)


class Driven:
    """One `mood-sweep` process, leader of a process group, and everything it started."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> None:
        self.log = folder / f"log.{time.monotonic_ns()}"
        self._known: dict[int, psutil.Process] = {}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=before,
            )

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        self.descendants()
        for process in self._known.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(30)

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Return the exit code."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout_s} s:\n{self.output}") from None

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition while the process runs."""

        def holds() -> bool:
            if condition():
                return True
            assert self.is_running, f"ended before {what}:\n{self.output}"
            return False

        until(holds, what)

    def descendants(self) -> list[psutil.Process]:
        """Return all processes it ever had, as far as this was asked before they lost it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self._known.setdefault(child.pid, child)
        return list(self._known.values())

    @property
    def listens(self) -> bool:
        """Whether the process handles SIGTERM by now (proc(5): a mask of the signals caught)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (caught,) = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")]
        return bool(caught & 1 << (signal.SIGTERM - 1))

    def commands(self) -> list[str]:
        """Return the command lines of its descendants that live."""
        return [shown for process in self.descendants() if (shown := _shown(process))]

    def busy_workers(self, doing: str = "run_call") -> list[psutil.Process]:
        """Return the Ray workers that are performing a call right now, or what else is named."""
        busy = []
        for process in self.descendants():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.cmdline()[:1] and f"Worker.{doing}" in process.cmdline()[0]:
                    busy.append((process, process.ppid()))
        # A child that a worker has just forked still has its command line.
        workers = {process.pid for process, _ in busy}
        return [process for process, parent in busy if parent not in workers]

    def suspend_busy_worker(self, doing: str = "run_call") -> psutil.Process:
        """Suspend a Ray worker in the middle of a call, however short calls are; return it."""
        suspended: list[psutil.Process] = []

        def holds() -> bool:
            for worker in self.busy_workers(doing):
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.suspend()
                    if worker in self.busy_workers(doing):  # it cannot end the call any more
                        suspended.append(worker)
                        return True
                    worker.resume()
            return False

        self.until(holds, "a worker runs a call")
        return suspended[0]

    def kill(self) -> None:
        """End the process as a power cut would, and it alone."""
        self.descendants()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def interrupt(self) -> None:
        """Press Ctrl-C: a terminal sends SIGINT to the whole process group."""
        self.descendants()
        os.killpg(self.process.pid, signal.SIGINT)

    def orphans(self) -> list[str]:
        """Return what outlived the process; what it started is given some seconds to notice."""
        deadline = time.monotonic() + 30
        while left := [shown for process in self._known.values() if (shown := _shown(process))]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return left


def mood_sweep(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a verb to its end; return its exit code and everything it printed."""
    with Driven(folder, *arguments, environment=environment) as driven:
        code = driven.wait()
        return code, driven.output


def _shown(process: psutil.Process) -> str:
    """Return the command of a process that lives and is ours to end, else nothing."""
    try:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return ""
        command = " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""
    return "" if command in RAYS_OWN else command
