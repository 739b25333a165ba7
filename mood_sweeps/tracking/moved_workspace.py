"""A workspace that was moved or copied: its MLflow store names the artifacts that came with it.

MLflow writes the absolute address of its artifacts beside every experiment, run and logged model,
and has no way to change one. So in a workspace that lies elsewhere by now, what was shown before
cannot be moves, and what is new is written to where the workspace was, which may be another's by
now. Here these addresses are changed in MLflow's database, in one transaction, before anything else
is asked of it; MLflow itself is not imported.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mood_sweeps.errors import StoreError

__all__ = ["update_artifact_addresses"]

_BUSY_S = 30.0
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)
"""The columns with the address of an artifact or of a folder of artifacts."""

_CHECKPOINTS = (("tags", "key", "value"), ("logged_model_tags", "tag_key", "tag_value"))
"""The tables with our own tag that holds the path of a checkpoint."""


@dataclass(frozen=True)
class _Move:
    """An experiment's folder of artifacts: its recorded address, and the right one."""

    before: str
    after: str
    home_before: Path


def update_artifact_addresses(database: Path, artifact_root: Path) -> None:
    """Set the artifact addresses of the MLflow store in ``database`` to ``artifact_root``.

    Nothing changes if they are below it already, if the store does not exist yet, or for an
    experiment with a separate artifact folder. Raises StoreError if the file cannot be
    read or written.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, _BUSY_S, isolation_level=None)) as connection:
            if _moves(connection, database, artifact_root):
                connection.execute("BEGIN IMMEDIATE")
                # Look again: another process may have been faster.
                for move in _moves(connection, database, artifact_root):
                    _change(connection, move, artifact_root.parent)
                connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(
            f"the artifact addresses in {database} cannot be changed to {artifact_root}: {error}"
        ) from error


def _moves(connection: sqlite3.Connection, database: Path, root: Path) -> list[_Move]:
    """Return a move for each experiment with artifacts recorded outside ``root``."""
    if "artifact_location" not in _columns(connection, "experiments"):
        return []
    moves = []
    locations = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    for (location,) in locations:
        folder = _path(location)
        if folder is None or folder.parent.name != root.name:
            continue
        before = folder.parent
        if before != root and not _is_same(before, root):
            new_folder = root / folder.name
            if (
                new_folder.exists()
                or not folder.exists()
                or _is_copied(connection, database, before)
            ):
                moves.append(_Move(location, new_folder.as_uri(), before.parent))
    return moves


def _is_copied(connection: sqlite3.Connection, database: Path, before: Path) -> bool:
    """Whether this store is a copy of one that is still beside its artifacts.

    False for a store that the user keeps apart from the artifacts, and if the store beside them is
    another one of the same name.
    """
    original = before.parent / database.name
    if not original.is_file() or _is_same(original, database):
        return False
    # Immutable: not even a lock is left beside a store that is not new_folder.
    with closing(sqlite3.connect(f"{original.as_uri()}?immutable=1", uri=True)) as other:
        try:
            created_ms = _creation_ms(other)
        except sqlite3.Error:
            return False
    return created_ms is not None and created_ms == _creation_ms(connection)


def _creation_ms(connection: sqlite3.Connection) -> int | None:
    """Return a store's creation time in ms, if it still has its first experiment."""
    query = "SELECT creation_time FROM experiments WHERE experiment_id = 0"
    row = connection.execute(query).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _change(connection: sqlite3.Connection, move: _Move, home: Path) -> None:
    for table, column in _ADDRESSES:
        if column in _columns(connection, table):
            _replace_start(connection, table, column, move.before, move.after)
    for table, key, value in _CHECKPOINTS:
        if value in _columns(connection, table):
            where = f"{key} = 'mood.checkpoint'"
            _replace_start(connection, table, value, str(move.home_before), str(home), where)


def _replace_start(
    connection: sqlite3.Connection,
    table: str,
    column: str,
    before: str,
    after: str,
    where: str = "TRUE",
) -> None:
    """Replace ``before`` where a value equals it, or starts with it and a slash."""
    connection.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
        f"WHERE {where} AND ({column} = ? OR substr({column}, 1, ?) = ?)",
        (after, len(before) + 1, before, len(before) + 1, f"{before}/"),
    )


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {name for (name,) in rows}


def _path(location: str | None) -> Path | None:
    """Return the path of a local address, None for any other."""
    if not location:
        return None
    if location.startswith("/"):
        return Path(location)
    parts = urlsplit(location)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
