"""The outbox: changes that are not in MLflow yet, written in the same transaction as the rows.

An item says *that* a subject changed, not how: the mirror reads the newest rows. So items may be
handled late, twice, or several at once.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import mlflow_runs, outbox

__all__ = [
    "LAUNCH",
    "PAIR",
    "REPRESENTATION",
    "Item",
    "Outbox",
    "RunKey",
    "Subject",
    "enqueue",
    "enqueue_all",
]

LAUNCH: Literal["launch"] = "launch"
REPRESENTATION: Literal["representation"] = "representation"
PAIR: Literal["pair"] = "pair"
MAX_ERROR = 2000
_BETWEEN = "|"
"""What is between the parts of a subject in the table; no key and no image set's name has it."""


Kind = Literal["launch", "representation", "pair"]


@dataclass(frozen=True, order=True)
class Subject:
    """What an item is about.

    parts: the launch's id; the representation's key and its ID set; of a pair the OOD set as well.
    """

    kind: Kind
    parts: tuple[str, ...]

    @classmethod
    def of_launch(cls, launch: int) -> Subject:
        """Return a launch."""
        return cls(LAUNCH, (str(launch),))

    @classmethod
    def of_representation(cls, key: str, id_set: str) -> Subject:
        """Return a representation on an ID set."""
        return cls(REPRESENTATION, (key, id_set))

    @classmethod
    def of_pair(cls, key: str, id_set: str, ood_set: str) -> Subject:
        """Return an ID/OOD pair of a representation."""
        return cls(PAIR, (key, id_set, ood_set))

    @property
    def representation(self) -> Subject:
        """The representation that a pair is of."""
        assert self.kind == PAIR
        return Subject(REPRESENTATION, self.parts[:2])


@dataclass(frozen=True)
class Item:
    """One open item: a subject of a sweep that is outdated in MLflow."""

    id: int
    sweep: str
    subject: Subject


@dataclass(frozen=True)
class RunKey:
    """Identifies an MLflow run: of a pair, of a representation (no ``ood_set``) or of a launch."""

    sweep: str
    representation_key: str
    id_set: str = ""
    ood_set: str = ""

    @classmethod
    def of_launch(cls, sweep: str, launch: int) -> RunKey:
        """Return the key of a launch's run."""
        return cls(sweep, f"launch:{launch}")

    def of_trial(self, stage: str, number: int) -> RunKey:
        """Return the key of the run of a trial of one of a representation's stages."""
        return replace(self, ood_set=f"trial:{stage}:{number}")


def enqueue(connection: Connection, sweep: str, subject: Subject, content: str) -> None:
    """Record, in the caller's transaction, that a subject changed.

    content: a digest of the new state; the same subject and content are only ever one item.
    """
    enqueue_all(connection, sweep, [(subject, content)])


def enqueue_all(connection: Connection, sweep: str, changed: Sequence[tuple[Subject, str]]) -> None:
    """Record changes of several subjects at once, each a (subject, content)."""
    created = _now()
    rows = [
        {
            "kind": subject.kind,
            "sweep": sweep,
            "subject": _BETWEEN.join(subject.parts),
            "content": content,
            "created_at": created,
        }
        for subject, content in changed
    ]
    if rows:
        connection.execute(_insert_statement(connection.dialect.name), rows)


@functools.cache
def _insert_statement(dialect: str) -> Any:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert
    return insert(outbox).on_conflict_do_nothing()


class Outbox:
    """The reading side of a results database's outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_items(self, after: int, limit: int) -> list[Item]:
        """Return up to ``limit`` open items with an id above ``after``, oldest first."""
        query = (
            select(outbox.c.id, outbox.c.sweep, outbox.c.kind, outbox.c.subject)
            .where(outbox.c.done_at.is_(None), outbox.c.id > after)
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [
                Item(number, sweep, Subject(kind, tuple(parts.split(_BETWEEN))))
                for number, sweep, kind, parts in connection.execute(query)
            ]

    def count_open(self) -> int:
        """Return how many items are open."""
        query = select(func.count()).select_from(outbox).where(outbox.c.done_at.is_(None))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def mark_done(self, ids: Sequence[int]) -> None:
        """Close items."""
        self._set(ids, done_at=_now(), error=None)

    def mark_failed(self, ids: Sequence[int], error: str) -> None:
        """Record why items could not be mirrored; they stay open."""
        self._set(ids, error=error[:MAX_ERROR])

    def run_id(self, run_key: RunKey) -> str | None:
        """Return the recorded id of a run, or None."""
        table = mlflow_runs.c
        query = select(table.run_id).where(
            table.sweep == run_key.sweep,
            table.representation_key == run_key.representation_key,
            table.id_set == run_key.id_set,
            table.ood_set == run_key.ood_set,
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def remember_run(self, run_key: RunKey, run_id: str) -> None:
        """Record the id of a run, in place of any other."""
        with self._database.writing() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            connection.execute(
                dialect.insert(mlflow_runs)
                .values(
                    sweep=run_key.sweep,
                    representation_key=run_key.representation_key,
                    id_set=run_key.id_set,
                    ood_set=run_key.ood_set,
                    run_id=run_id,
                )
                .on_conflict_do_update(
                    index_elements=["sweep", "representation_key", "id_set", "ood_set"],
                    set_={"run_id": run_id},
                )
            )

    def _set(self, ids: Sequence[int], **values: str | None) -> None:
        with self._database.writing() as connection:
            connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(**values))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
