"""What a launch does, heard inside its process without its help, so that a fault can hit a phase.

Python announces every file it opens, makes or renames (audit events), SQLite every statement,
torch every optimizer step. The package knows of none of this.
"""

from __future__ import annotations

import math
import os
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "BETWEEN",
    "COMMIT",
    "LEASING",
    "MAKING",
    "MIRRORING",
    "PLACED",
    "PUBLISH",
    "STORE_WRITE",
    "TRAINING",
    "Ears",
    "Sound",
]

TRAINING = "training"
"""An optimizer's step was made."""
STORE_WRITE = "store write"
"""Something is about to be made anywhere in the store."""
LEASING = "leasing"
"""The file of a lease is about to be made, read, touched or removed."""
PUBLISH = "publish"
"""A file of an object that is being written aside is about to be made, read or moved."""
PLACED = "placed"
"""An object has just come to its place."""
BETWEEN = "between publish and commit"
"""Anything after an object came to its place and before the rows that tell of it are there."""
COMMIT = "row commit"
"""A statement of a write transaction on the results database is about to be executed."""
MAKING = "making the MLflow store"
"""The same on MLflow's database before it is in its place."""
MIRRORING = "mirroring"
"""The same on MLflow's database, or a file of its artifacts is about to be written."""

OF_ONE = ("os.mkdir", "os.remove", "os.utime")
OF_TWO = ("os.rename", "os.link")
READS = ("SELECT", "PRAGMA")
LOOK_S = 0.05
"""How old what is known of this process's own running may be: it takes a moment to ask."""


@dataclass(frozen=True)
class Sound:
    """One thing that was heard. path: the file or folder it is about; empty for statements."""

    what: str
    path: str = ""


class Ears:
    """Listens to this process from `listen` on and tells of every sound before it happens.

    counts: how often each was heard. idle_s: the longest time between two sounds in which no
        thread ran or wanted to: that a busy machine is slow does not count; since: the sound
        before it.
    """

    def __init__(self, home: Path, hear: Callable[[Sound], None]) -> None:
        self._aside = f"{home / 'store' / 'tmp'}{os.sep}"
        self._objects = f"{home / 'store' / 'objects'}{os.sep}"
        self._store = f"{home / 'store'}{os.sep}"
        self._leases = f"{home / 'store' / 'leases'}{os.sep}"
        self._artifacts = f"{home / 'mlartifacts'}{os.sep}"
        self._hear = hear
        self._mine = threading.local()
        self._last = time.monotonic()
        self._before = "its start"
        self._looked = -math.inf
        self._busy_s = 0.0
        self.counts: Counter[str] = Counter()
        self.idle_s = 0.0
        self.since = ""

    def listen(self) -> None:
        """Begin; it cannot be ended."""
        from torch.optim.optimizer import register_optimizer_step_post_hook

        register_optimizer_step_post_hook(lambda *_: self._say(Sound(TRAINING)))
        sys.addaudithook(self._audit)
        connect = sqlite3.dbapi2.connect

        def connect_and_follow(database: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = connect(database, *args, **kwargs)
            self._follow(connection, Path(os.fspath(database)).name)
            return connection

        # The audit event of a new connection comes too early to trace it.
        sqlite3.dbapi2.connect = connect_and_follow

    def note_idleness(self) -> None:
        """Take this moment for the end of whatever pause there was."""
        now = time.monotonic()
        pause_s = now - self._last
        if pause_s > max(LOOK_S, self.idle_s):
            idle_s = pause_s - max(0.0, _busy_s() - self._busy_s)
            if idle_s > self.idle_s:
                self.idle_s, self.since = idle_s, self._before
        if now - self._looked > LOOK_S:
            self._looked, self._busy_s = now, _busy_s()
        self._last = now

    def _say(self, sound: Sound) -> None:
        self._mine.deaf = True  # what is done here is no sound of the launch
        try:
            if not sound.path.startswith(self._leases):  # a waiting launch asks for a lease often
                self.note_idleness()
                self._before = f"{sound.what} {sound.path}".strip()
            self.counts[sound.what] += 1
            self._hear(sound)
        finally:
            self._mine.deaf = False

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(self._mine, "deaf", False):
            return
        if event == "open":
            mode = arguments[1]
            self._file(_path(arguments[0]), writes=mode is not None and not mode.startswith("r"))
        elif event in OF_ONE:
            self._file(_path(arguments[0]), writes=event == "os.mkdir")
        elif event in OF_TWO:
            source, target = map(_path, arguments[:2])
            self._file(source, writes=True)
            if source.startswith(self._aside) and target.startswith(self._objects):
                self._mine.placed = target

    def _file(self, path: str, writes: bool) -> None:
        placed = getattr(self._mine, "placed", "")
        if placed and os.path.isdir(placed):
            self._mine.placed, self._mine.between = "", True
            self._say(Sound(PLACED, placed))
        if getattr(self._mine, "between", False):
            self._say(Sound(BETWEEN, path))
        if path.startswith(self._aside):
            self._say(Sound(PUBLISH, path))
        if path.startswith(self._leases):
            self._say(Sound(LEASING, path))
        if writes and path.startswith(self._store):
            self._say(Sound(STORE_WRITE, path))
        if writes and path.startswith(self._artifacts):
            self._say(Sound(MIRRORING, path))

    def _follow(self, connection: sqlite3.Connection, database: str) -> None:
        if database == "results.db":
            connection.set_trace_callback(self._results)
        elif "mlflow.db" in database:
            what = MIRRORING if database == "mlflow.db" else MAKING
            connection.set_trace_callback(lambda text: self._statement(what, text))

    def _results(self, text: str) -> None:
        if getattr(self._mine, "between", False):
            self._say(Sound(BETWEEN))
        self._statement(COMMIT, text)
        if text == "COMMIT":
            self._mine.between = False

    def _statement(self, what: str, text: str) -> None:
        # A bare BEGIN and a ROLLBACK are how something is read.
        if not text.lstrip().upper().startswith(READS) and text not in ("BEGIN", "ROLLBACK"):
            self._say(Sound(what))


def _path(named: Any) -> str:
    """Return a file's path; nothing where it is named by its number."""
    return os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else ""


def _busy_s() -> float:
    """Return how long all threads of this process together ran or waited for a core."""
    waited_ns = sum(
        int(thread.read_text().split()[1]) for thread in Path("/proc/self/task").glob("*/schedstat")
    )
    return time.process_time() + waited_ns / 1e9
