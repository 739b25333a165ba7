"""Write what a launch plans and does as rows, in short transactions.

A number is never overwritten. If a known key gets another value, the first one stays and the
difference is an alarm: either a stage is not deterministic, or its version was not raised when its
code changed.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mood_sweeps.metrics.registry import METRICS
from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import (
    attempts,
    cells,
    confusions,
    evaluations,
    launches,
    revisions,
    stages,
    sweeps,
)

__all__ = ["Recorder", "now"]

CHUNK = 500

Row = dict[str, Any]


def now() -> str:
    """Return the time as ISO 8601, UTC, to the millisecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


class Recorder:
    """The writer of one launch. Methods that take a connection join its transaction.

    Rows are inserted in the order of their keys, so that two launches that adopt the same rows from
    one store cannot deadlock.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.alarms: list[str] = []

    def ensure_revision(
        self, sweep: str, digest: str, yaml: str, file: str, cell_rows: Sequence[Row]
    ) -> tuple[int, bool]:
        """Make this revision the sweep's current one, writing its cells if it is new.

        yaml, file: the experiment's text and file, for the records.
        Returns its id, and whether the sweep had another current revision before.
        """
        with self.database.reading() as connection:
            found = _revision_id(connection, sweep, digest)
            current = connection.execute(
                select(revisions.c.id, revisions.c.yaml, revisions.c.file)
                .join(sweeps, sweeps.c.current_revision == revisions.c.id)
                .where(sweeps.c.name == sweep)
            ).first()
        if found is not None and current is not None and current.id == found:
            if (current.yaml, current.file) != (yaml, file):
                self._update_source(found, yaml, file)
            return found, False
        with self.database.writing() as connection:
            revision = _revision_id(connection, sweep, digest)
            if revision is None:
                row = {
                    "sweep": sweep,
                    "digest": digest,
                    "yaml": yaml,
                    "file": file,
                    "n_cells": len(cell_rows),
                    "created_at": now(),
                }
                _insert_new(connection, revisions, [row])
                revision = _revision_id(connection, sweep, digest)
                assert revision is not None
                _insert_new(
                    connection,
                    cells,
                    [{**cell, "revision": revision, "status": "pending"} for cell in cell_rows],
                )
            upsert = _insert(connection.dialect.name, sweeps).values(
                name=sweep, current_revision=revision
            )
            connection.execute(
                upsert.on_conflict_do_update(
                    index_elements=["name"], set_={"current_revision": revision}
                ),
                {"name": sweep, "current_revision": revision},
            )
        self.database.refresh_statistics()
        return revision, True

    def _update_source(self, revision: int, yaml: str, file: str) -> None:
        """Record the newest text and file of an experiment with unchanged cells."""
        with self.database.writing() as connection:
            connection.execute(
                update(revisions).where(revisions.c.id == revision).values(yaml=yaml, file=file)
            )

    def forget_failures(self, revision: int) -> None:
        """Make failed and skipped cells pending again, because this launch tries them again."""
        with self.database.writing() as connection:
            connection.execute(
                update(cells)
                .where(cells.c.revision == revision, cells.c.status != "pending")
                .values(status="pending", reason=None)
            )

    def begin_launch(
        self, revision: int, executor: str, process: Mapping[str, Any], plan: str, calls: int
    ) -> int:
        """Write that a launch has begun; return its id."""
        with self.database.writing() as connection:
            result = connection.execute(
                launches.insert()
                .values(
                    revision=revision,
                    executor=executor,
                    host=process["host"],
                    pid=process["pid"],
                    process_started=process["started"],
                    boot=process["boot"],
                    plan=plan,
                    calls_planned=calls,
                    started_at=now(),
                )
                .returning(launches.c.id)
            )
            return int(result.scalar_one())

    def end_launch(self, connection: Connection, launch: int, outcome: str) -> None:
        """Write how a launch ended, and close its open attempts as abandoned."""
        ended = now()
        connection.execute(
            update(attempts)
            .where(attempts.c.launch == launch, attempts.c.ended_at.is_(None))
            .values(ended_at=ended, outcome="abandoned")
        )
        connection.execute(
            update(launches)
            .where(launches.c.id == launch, launches.c.ended_at.is_(None))
            .values(ended_at=ended, outcome=outcome)
        )

    def begin_attempt(self, launch: int, row: Row) -> int:
        """Write that a worker got a call; return the attempt's id."""
        with self.database.writing() as connection:
            values = {"launch": launch, "started_at": now(), **row}
            return int(connection.execute(_BEGIN_ATTEMPT, values).scalar_one())

    def end_attempt(self, connection: Connection, attempt: int, row: Row) -> None:
        """Write the outcome of an attempt."""
        connection.execute(_END_ATTEMPT, {"attempt": attempt, "ended_at": now(), **row})

    def unknown_stages(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        """Return which of these stages have no row."""
        return set(keys) - {row.key for row in _by_key(connection, stages, stages.c.key, keys)}

    def add_stages(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write the objects that were made; other bytes under a known key are an alarm."""
        rows = sorted(rows, key=itemgetter("key"))
        known = {
            row.key: row
            for row in _by_key(connection, stages, stages.c.key, [row["key"] for row in rows])
        }
        for row in rows:
            before = known.get(row["key"])
            if (
                before is not None
                and before.digest != row["digest"]
                and before.environment == row["environment"]
            ):
                self.alarms.append(
                    f"{row['kind']} {row['key'][:12]} ({row['label']}) was made again with other "
                    "bytes: the stage is not deterministic, or its version was not bumped"
                )
        _insert_new(connection, stages, [row for row in rows if row["key"] not in known])

    def add_evaluations(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Write new numbers; another value under a known key is an alarm.

        rows: by column, with the confusion table under ``confusion``. Raises ValueError for a name
        that is no column, so that nothing is dropped silently.
        """
        new_rows = {
            row["evaluation_key"]: row for row in sorted(rows, key=itemgetter("evaluation_key"))
        }
        known = {*evaluations.columns.keys(), "confusion"}
        if unknown := {name for row in new_rows.values() for name in row} - known:
            raise ValueError(f"evaluations have no column {', '.join(sorted(unknown))}")
        for before in _by_key(
            connection, evaluations, evaluations.c.evaluation_key, list(new_rows)
        ):
            self._compare(before, new_rows.pop(before.evaluation_key))
        columns = [column.name for column in evaluations.columns]
        _insert_new(
            connection,
            evaluations,
            [{name: row.get(name) for name in columns} for row in new_rows.values()],
        )
        _insert_new(
            connection,
            confusions,
            [
                {"evaluation_key": key, "table": json.dumps(row["confusion"], sort_keys=True)}
                for key, row in new_rows.items()
                if row.get("confusion")
            ],
        )

    def fill_metrics(self, rows: Iterable[Row]) -> None:
        """Write metrics that were computed from stored scores into existing numbers.

        rows: ``evaluation_key``, ``metrics_digest``, ``metrics_state`` and metrics by column.
        """
        with self.database.writing() as connection:
            for row in sorted(rows, key=itemgetter("evaluation_key")):
                values = {name: value for name, value in row.items() if name != "evaluation_key"}
                connection.execute(
                    update(evaluations)
                    .where(evaluations.c.evaluation_key == row["evaluation_key"])
                    .values(values)
                )

    def mark_cells(
        self,
        connection: Connection,
        revision: int,
        evaluation_keys: Sequence[str],
        status: str,
        reason: str,
    ) -> None:
        """Write why the cells with these evaluation keys have no number."""
        for start in range(0, len(evaluation_keys), CHUNK):
            connection.execute(
                update(cells)
                .where(
                    cells.c.revision == revision,
                    cells.c.evaluation_key.in_(evaluation_keys[start : start + CHUNK]),
                )
                .values(status=status, reason=reason)
            )

    def _compare(self, before: Any, row: Row) -> None:
        if before.environment != row["environment"]:
            return
        if before.metrics_digest != row.get("metrics_digest"):
            return  # metrics of other versions may differ
        for name in METRICS:
            old, new = getattr(before, name), row.get(name)
            if old != new:
                self.alarms.append(
                    f"evaluation {row['evaluation_key'][:12]}: {name} was {old}, now {new}; "
                    "the first value is kept"
                )


def _revision_id(connection: Connection, sweep: str, digest: str) -> int | None:
    return connection.scalar(
        select(revisions.c.id).where(revisions.c.sweep == sweep, revisions.c.digest == digest)
    )


def _by_key(connection: Connection, table: Table, column: Any, keys: Sequence[str]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(keys), CHUNK):
        found.extend(
            connection.execute(
                _select_statement(table, column), {"keys": keys[start : start + CHUNK]}
            )
        )
    return found


def _insert(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def _insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; an existing row with the same key stays as it is."""
    if rows:
        connection.execute(_insert_statement(connection.dialect.name, table), rows)


# Built once: SQLAlchemy takes longer to build these statements than SQLite takes to run them.
_BEGIN_ATTEMPT = attempts.insert().returning(attempts.c.id)
_END_ATTEMPT = update(attempts).where(attempts.c.id == bindparam("attempt"))


@functools.cache
def _select_statement(table: Table, column: Any) -> Any:
    return select(table).where(column.in_(bindparam("keys", expanding=True)))


@functools.cache
def _insert_statement(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()
