"""Digests of image files, computed once for each path, size and time of change.

They lie in a small SQLite file that many processes use at once and that can be deleted at any time:
what is not kept is computed again, and where the file cannot be written, every time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mood_sweeps.data.decode import DECODE_VERSION
from mood_sweeps.errors import InputError

__all__ = ["FileState", "Found", "KeptDigests"]

_APPLICATION = 0x6D6F6F64
_VERSION = 1_000 * DECODE_VERSION + 1
_TABLE = """
create table if not exists digests (
    path text primary key, size integer, mtime_ns integer, digests blob, unreadable text
) without rowid
"""
_AT_ONCE = 500
_SETTLED_NS = 2 * 10**9
"""A file that changed less than this before it was read may change again at the same time."""
_WAIT_S = 60.0


class FileState(NamedTuple):
    """A file as it was when it was listed; ``path`` may name a part of it after a NUL."""

    path: str
    size: int
    mtime_ns: int


class Found(NamedTuple):
    """The SHA-256 of what a file holds, 32 bytes for each image, and why it cannot be read."""

    digests: bytes
    unreadable: str


@dataclass(frozen=True)
class KeptDigests:
    """The digests in a file, which is made where it is missing; None keeps nothing."""

    path: Path | None = None

    def find(self, files: Sequence[FileState]) -> dict[str, Found]:
        """Return what is kept of files as they are; InputError where the file is another's."""
        found: dict[str, Found] = {}
        if self.path is None or not self.path.exists():
            return found
        states = set(files)
        with suppress(sqlite3.OperationalError), self._opened() as connection:
            for start in range(0, len(files), _AT_ONCE):
                paths = [file.path for file in files[start : start + _AT_ONCE]]
                marks = ",".join("?" * len(paths))
                query = (
                    "select path, size, mtime_ns, digests, unreadable from digests "
                    f"where path in ({marks})"
                )
                for path, size, mtime_ns, digests, unreadable in connection.execute(query, paths):
                    if FileState(path, size, mtime_ns) in states:
                        found[path] = Found(digests, unreadable)
        return found

    def keep(self, entries: Sequence[tuple[FileState, Found]]) -> None:
        """Keep digests, but not of files that changed just now; InputError as in `find`."""
        if self.path is None:
            return
        unchanging = time.time_ns() - _SETTLED_NS
        rows = [(*file, *found) for file, found in entries if file.mtime_ns < unchanging]
        with suppress(sqlite3.OperationalError, OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._opened() as connection, connection:
                connection.executemany("insert or replace into digests values (?,?,?,?,?)", rows)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        # No write-ahead log: the file may lie on NFS.
        with closing(sqlite3.connect(str(self.path), timeout=_WAIT_S)) as connection:
            try:
                self._prepare(connection)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                raise InputError(
                    f"{self.path} is no file of kept digests; delete it, or name another"
                ) from None
            yield connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the table where it is missing, and anew where it is of another version."""
        if self._is_ready(connection):
            return
        with connection:
            connection.execute("begin immediate")
            if not self._is_ready(connection):  # another process may have made it meanwhile
                connection.execute(f"pragma application_id = {_APPLICATION}")
                connection.execute("drop table if exists digests")
                connection.execute(_TABLE)
                connection.execute(f"pragma user_version = {_VERSION}")

    def _is_ready(self, connection: sqlite3.Connection) -> bool:
        ((application,),) = connection.execute("pragma application_id")
        ((version,),) = connection.execute("pragma user_version")
        ((tables,),) = connection.execute("select count(*) from sqlite_master")
        if application != _APPLICATION and tables:
            raise sqlite3.DatabaseError("another's")
        return bool((application, version) == (_APPLICATION, _VERSION))
