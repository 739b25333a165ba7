"""Read rows of the results database, as plain values or as pandas frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import TextClause, bindparam, func, select, text

from mood_sweeps.metrics.registry import METRICS_DIGEST
from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import (
    attempts,
    cells,
    evaluations,
    launches,
    outbox,
    revisions,
    sweeps,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FILTERS", "LaunchRow", "Results"]

AXES = (
    "pretext",
    "backbone",
    "finetune",
    "scorer",
    "id_set",
    "ood_set",
    "distance",
    "seed",
)
FILTERS = ("sweep", *AXES, "status", "revision")
CHUNK = 900

LaunchRow = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """A results database for reading: ``ms.open_results().frame()``."""

    database: Database

    def frame(
        self, *, history: bool = False, **filters: str | int | Sequence[str | int]
    ) -> pd.DataFrame:
        """Return one row per cell, tidy, as ``select * from results`` gives it.

        history: every revision of each sweep instead of the current one (view `results_all`).
        filters: column = value or list of values, on the columns in ``FILTERS``; a ``revision`` may
        be any one, not only the current one.
        """
        import pandas as pd  # late: takes 0.2–2 s, and a plan or launch does not need it

        query, values = _filtered(filters, history=history)
        with self.database.reading() as connection:
            frame = pd.read_sql_query(query, connection, params=values)
        frame["seed"] = frame["seed"].astype("Int64")
        return _in_order(frame)

    def confusions(self, **filters: str | int | Sequence[str | int]) -> pd.DataFrame:
        """Return one row per (cell, OOD class, ID class).

        accepted: OOD images of the class accepted at 95% ID TPR and predicted as the ID class.
        n_ood_class: images of the OOD class in the set.
        """
        import pandas as pd

        query, values = _filtered(filters, join_confusions=True)
        rows: list[dict[str, Any]] = []
        with self.database.reading() as connection:
            for row in connection.execute(query, values).mappings():
                table = json.loads(row["confusion"])
                axes = {name: row[name] for name in (*_CONFUSION_AXES,)}
                for ood_class, n_images, accepted in zip(
                    table["ood_classes"], table["n_ood_class"], table["accepted"], strict=True
                ):
                    rows += [
                        {
                            **axes,
                            "ood_class": ood_class,
                            "id_class": id_class,
                            "accepted": n_accepted,
                            "n_ood_class": n_images,
                        }
                        for id_class, n_accepted in zip(table["id_classes"], accepted, strict=True)
                    ]
        columns = [*_CONFUSION_AXES, "ood_class", "id_class", "accepted", "n_ood_class"]
        return _in_order(pd.DataFrame(rows, columns=columns))

    def evaluated(self, evaluation_keys: Iterable[str]) -> set[str]:
        """Return which of these numbers exist."""
        keys = list(evaluation_keys)
        found: set[str] = set()
        with self.database.reading() as connection:
            for start in range(0, len(keys), CHUNK):
                found.update(
                    connection.scalars(
                        select(evaluations.c.evaluation_key).where(
                            evaluations.c.evaluation_key.in_(keys[start : start + CHUNK])
                        )
                    )
                )
        return found

    def stale_metrics(self, revision: int) -> dict[str, Mapping[str, Any]]:
        """Return the rows of a revision with missing metrics or metrics of other versions.

        By evaluation key: each row by column, with ``reason`` and the metrics that it has.
        """
        query = (
            select(evaluations)
            .join(cells, cells.c.evaluation_key == evaluations.c.evaluation_key)
            .where(
                cells.c.revision == revision,
                evaluations.c.metrics_digest.is_distinct_from(METRICS_DIGEST),
            )
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["evaluation_key"]: dict(row) for row in rows}

    def object_keys(self, revision: int) -> list[str]:
        """Return the keys of the objects that hold the numbers of a revision."""
        query = (
            select(evaluations.c.object_key)
            .join(cells, cells.c.evaluation_key == evaluations.c.evaluation_key)
            .where(cells.c.revision == revision)
            .distinct()
            .order_by(evaluations.c.object_key)
        )
        with self.database.reading() as connection:
            return list(connection.scalars(query))

    def seconds_per_unit(self) -> dict[tuple[str, str], float]:
        """Return the mean measured seconds of a stage, by (kind, method) of its call."""
        query = (
            select(
                attempts.c.kind,
                attempts.c.method,
                func.sum(attempts.c.seconds),
                func.sum(attempts.c.units),
            )
            .where(attempts.c.outcome.in_(("done", "partly failed")))
            .group_by(attempts.c.kind, attempts.c.method)
        )
        with self.database.reading() as connection:
            return {
                (kind, method): float(seconds) / units
                for kind, method, seconds, units in connection.execute(query)
                if units
            }

    def launches(self, *, open_only: bool = False) -> list[LaunchRow]:
        """Return launches with their sweep's name, the newest first."""
        query = (
            select(launches, revisions.c.sweep, revisions.c.n_cells)
            .join(revisions, revisions.c.id == launches.c.revision)
            .order_by(launches.c.id.desc())
        )
        if open_only:
            query = query.where(launches.c.ended_at.is_(None))
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def attempts(self, launch: int) -> list[Mapping[str, Any]]:
        """Return the attempts of a launch in the order they began."""
        query = select(attempts).where(attempts.c.launch == launch).order_by(attempts.c.id)
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def attempts_like(self, part: str) -> list[Mapping[str, Any]]:
        """Return the attempts at calls with ``part`` in their key, in the order they began."""
        query = (
            select(attempts)
            .where(attempts.c.call_key.contains(part, autoescape=True))
            .order_by(attempts.c.id)
        )
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def missing_reason(self, evaluation_key: str) -> str | None:
        """Return why the newest revision with this number has none, or None."""
        query = (
            select(cells.c.reason)
            .where(cells.c.evaluation_key == evaluation_key, cells.c.reason.is_not(None))
            .order_by(cells.c.revision.desc())
            .limit(1)
        )
        with self.database.reading() as connection:
            return connection.scalar(query)

    def last_failure(self, call_key: str) -> Mapping[str, Any] | None:
        """Return the newest failed attempt at a call, or None."""
        query = (
            select(attempts)
            .where(
                attempts.c.call_key == call_key, attempts.c.outcome.in_(("failed", "partly failed"))
            )
            .order_by(attempts.c.id.desc())
            .limit(1)
        )
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return dict(row) if row else None

    def unmirrored(self) -> int:
        """Return the number of outbox items that are not in MLflow yet."""
        query = select(func.count()).select_from(outbox).where(outbox.c.done_at.is_(None))
        with self.database.reading() as connection:
            return int(connection.scalar(query) or 0)

    def experiments(self) -> list[tuple[str, str]]:
        """Return text and file of every sweep's current revision, the last launched first."""
        query = (
            select(revisions.c.yaml, revisions.c.file)
            .join(sweeps, sweeps.c.current_revision == revisions.c.id)
            .join(launches, launches.c.revision == revisions.c.id, isouter=True)
            .group_by(revisions.c.id, revisions.c.yaml, revisions.c.file)
            .order_by(func.max(launches.c.id).desc().nulls_last(), revisions.c.id.desc())
        )
        with self.database.reading() as connection:
            return [(yaml, file) for yaml, file in connection.execute(query)]

    def status_counts(self, revision: int) -> dict[str, int]:
        """Return the number of a revision's cells by status."""
        query = text(
            "SELECT status, count(*) FROM results_all WHERE revision = :revision GROUP BY status"
        )
        with self.database.reading() as connection:
            found = connection.execute(query, {"revision": revision})
            return {status: int(number) for status, number in found}


_CONFUSION_AXES = ("sweep", "cell_key", *AXES)


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort by sweep and cell, keeping the order of a cell's rows.

    Not by SQL: SQLite would sort whole rows (twice the time), PostgreSQL by the server's locale.
    """
    return frame.sort_values(["sweep", "cell_key"], kind="stable", ignore_index=True)


def _filtered(
    filters: Mapping[str, str | int | Sequence[str | int]],
    *,
    history: bool = False,
    join_confusions: bool = False,
) -> tuple[TextClause, dict[str, Any]]:
    unknown = sorted(set(filters) - set(FILTERS))
    if unknown:
        raise ValueError(f"no filter {', '.join(unknown)}; allowed: {', '.join(FILTERS)}")
    view = "results_all" if history or "revision" in filters else "results"
    columns, join = "v.*", ""
    if join_confusions:
        columns, join = (
            'v.*, f."table" AS confusion',
            ("JOIN confusions f ON f.evaluation_key = v.evaluation_key"),
        )
    conditions: list[str] = []
    values: dict[str, Any] = {}
    expanding: list[Any] = []
    for name, wanted in filters.items():
        values[name] = [wanted] if isinstance(wanted, (str, int)) else list(wanted)
        conditions.append(f"v.{name} IN :{name}")
        expanding.append(bindparam(name, expanding=True))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = text(f"SELECT {columns} FROM {view} v {join} {where}")
    return query.bindparams(*expanding), values
