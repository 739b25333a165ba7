"""Open the results database: SQLite in WAL mode for one host, PostgreSQL for teams.

Writers on SQLite begin with BEGIN IMMEDIATE: a deferred transaction that reads before it writes
fails at once with "database is locked" when another process wrote in between, whatever the
timeout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from mood_sweeps.errors import DatabaseError
from mood_sweeps.results.schema import HEAD_REVISION, SCHEMA_DIGEST, schema_state
from mood_sweeps.results.sqlite_address import sqlite_path, sqlite_url

__all__ = ["Connection", "Database"]

MMAP_BYTES = 1 << 30
"""Mapped reads of a million rows take a third less time than read calls."""

BUSY_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_S = 10
ALWAYS_PLANNED = "-c plan_cache_mode=force_custom_plan"
"""PostgreSQL otherwise plans a repeated statement only once. A connection that planned while a
table was empty then reads the whole table for each new row's foreign key, however large it has
grown: a tenth of the speed at 20,000 numbers, and slower with more."""


class Database:
    """A results database by URL; ``sqlite:///relative.db`` is taken from the working directory."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):  # ValueError: a port that is no number
            raise DatabaseError(
                f"{_without_password(url)!r} is no database URL; expected sqlite:///path.db "
                "or postgresql://user@host/name"
            ) from None
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise DatabaseError(
                f"database {_without_password(url)!r}: {parsed.get_backend_name()!r} is not "
                "supported; allowed: sqlite, postgresql"
            )
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.path: Path | None = None
        if self.is_sqlite:
            self.path = sqlite_path(url)
            if self.path is None:
                raise DatabaseError("a results database in memory would be lost; give a file")
            parsed = parsed.set(database=str(self.path))
            self.display_url = sqlite_url(self.path)
        else:
            self.display_url = _without_password(parsed.render_as_string(hide_password=True))
        arguments: dict[str, Any] = (
            {"timeout": BUSY_TIMEOUT_MS / 1000}
            if self.is_sqlite
            else {"connect_timeout": CONNECT_TIMEOUT_S, "options": ALWAYS_PLANNED}
        )
        try:
            self._engine: Engine = create_engine(parsed, connect_args=arguments)
        except (NoSuchModuleError, ImportError) as error:
            raise DatabaseError(f"database {self.display_url!r}: {error}") from None
        if self.is_sqlite:
            _make_sqlite_safe(self._engine)

    def exists(self) -> bool:
        """Whether there is a database with our tables. Creates none; migrates an older one.

        Raises DatabaseError if it cannot be reached, or is newer than this code.
        """
        if self.path is not None and not self.path.exists():
            return False
        revision = self._revision()
        if revision is not None and not self._is_current(revision):
            self.prepare()
        return revision is not None

    def prepare(self) -> None:
        """Create or migrate the tables and views; raise DatabaseError if that fails."""
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseError(f"database {self.display_url!r}: {error.strerror}") from None
        if not self._is_current(self._revision()):
            # Late: alembic takes a second to import and is needed only for a migration.
            from mood_sweeps.results.migrate import upgrade

            with self._readable_errors():
                upgrade(self._engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection for reading."""
        with self._readable_errors(), self._engine.connect() as connection:
            yield connection.execution_options(mood_read_only=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a write transaction, committed at the end."""
        with self._readable_errors(), self._engine.begin() as connection:
            yield connection

    def refresh_statistics(self) -> None:
        """Update the query planner's statistics, which PostgreSQL otherwise does a minute later.

        Without them a filter over a new sweep of a million cells takes eight times as long.
        """
        if not self.is_sqlite:
            with self.writing() as connection:
                connection.execute(text("ANALYZE"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _revision(self) -> str | None:
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and found > HEAD_REVISION:
            raise DatabaseError(
                f"database {self.display_url!r} was made by a newer mood-sweeps (revision {found}, "
                f"this one knows {HEAD_REVISION}); upgrade mood-sweeps"
            )
        return found

    def _is_current(self, revision: str | None) -> bool:
        """Whether the tables, the metric columns and the views are those of this code."""
        if revision != HEAD_REVISION:
            return False
        with self.reading() as connection:
            return connection.scalar(select(schema_state.c.digest)) == SCHEMA_DIGEST

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        """Turn a driver's error into one sentence without password or traceback."""
        try:
            yield
        except DBAPIError as error:
            cause = " ".join(str(error.orig).split())
            cause = _without_password(cause) if "://" in cause else cause
            raise DatabaseError(f"database {self.display_url!r}: {cause}") from error


def _make_sqlite_safe(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # The sqlite3 module must not begin transactions: `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("mood_read_only")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _without_password(url: str) -> str:
    """Hide the password before the '@' of a URL, even of a malformed one, and in its query."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, rest = head.rpartition("://")
    user, colon, _ = rest.partition(":")
    if at and colon:
        url = f"{scheme}{slashes}{user}:***@{tail}"
    return re.sub(r"(?<=password=)[^&]*", "***", url)
