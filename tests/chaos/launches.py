"""Launches to be disturbed: forked from this process, which has imported everything already.

Of the twenty seconds that a launch of the chaos sweep takes, fifteen are imports. A fork leaves
them out and is otherwise what `mood-sweep launch` is: a process of its own, in a session of its
own, that runs the command line.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.ears import Ears
from tests.chaos.sabotage import Sabotage, nothing
from tests.support.command_line import Driven

__all__ = ["CHAOS", "Forked", "Heard", "import_everything", "in_a_fork"]

CHAOS = """\
name: chaos
axes:
  pretext: [{classification: {epochs: 1}}, random]
  backbone: [vit_nano]
  finetune: [pt, {pt+ft: {ft: {epochs: 1}}}]
  scorer: [msp, knn, mahalanobis]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""
HEARD = "heard.json"


@dataclass(frozen=True)
class Heard:
    """What was heard of a launch that came to its end: see `Ears`."""

    counts: dict[str, int] = field(default_factory=dict)
    idle_s: float = 0.0
    since: str = ""


class Forked(Driven):
    """A launch forked from here. before: what to do in its process before it begins."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        sabotage: Sabotage = nothing,
        before: Callable[[], None] | None = None,
    ) -> None:
        self.log = folder / f"log.{time.monotonic_ns()}"
        self._known = {}
        self._heard = folder / HEARD
        self._heard.unlink(missing_ok=True)

        def run() -> int:
            if before is not None:
                before()
            return _launch(folder, arguments, sabotage, self._heard)

        self.process = in_a_fork(run, folder, self.log)  # type: ignore[assignment]

    @property
    def heard(self) -> Heard:
        """Return what was heard of it, nothing if it was killed."""
        if not self._heard.exists():
            return Heard()
        return Heard(**json.loads(self._heard.read_text()))


def import_everything() -> None:
    """Import what a launch imports, also what it imports late."""
    import alembic.command  # noqa: F401

    import mood_sweeps.aggregation.figures
    import mood_sweeps.aggregation.report
    import mood_sweeps.cli.launch_verb
    import mood_sweeps.jobs.extract
    import mood_sweeps.jobs.train_stage
    import mood_sweeps.results.migrate
    import mood_sweeps.tracking.mlflow_view  # noqa: F401


class _Child:
    """A forked process, as far as `Driven` needs it to look like a `Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a fork", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def in_a_fork(run: Callable[[], int], folder: Path, log: Path) -> _Child:
    """Run a function in a child process, leader of a session; its result is the exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return _Child(pid)
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        os.chdir(folder)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number in (1, 2):
            os.dup2(out, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = run()
    except BaseException:
        traceback.print_exc()
    finally:
        # Not sys.exit: what this process has inherited is not its own to clean up.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _launch(folder: Path, arguments: tuple[str, ...], sabotage: Sabotage, heard: Path) -> int:
    from mood_sweeps.cli.main import main

    ears = Ears(folder / ".mood", sabotage)
    ears.listen()
    sys.argv = ["mood-sweep", *arguments]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading._shutdown()  # what Python does at its end: wait for threads, then run what is due
    atexit._run_exitfuncs()
    ears.note_idleness()
    told = Heard(dict(ears.counts), ears.idle_s, ears.since)
    heard.write_text(json.dumps(told.__dict__))
    return code
