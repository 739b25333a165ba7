"""The launches, representations and pairs that the MLflow view shows, read from SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from mood_sweeps.metrics import METRICS
from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import cells, evaluations, launches, revisions

__all__ = ["LaunchRecord", "Number", "PairRecord", "Records", "RepresentationRecord"]


@dataclass(frozen=True)
class LaunchRecord:
    """A launch. Times are ISO 8601; ``outcome`` is None while it runs."""

    id: int
    sweep: str
    executor: str
    host: str
    pid: int
    plan: str
    yaml: str
    n_cells: int
    calls_planned: int
    started_at: str
    ended_at: str | None
    outcome: str | None


@dataclass(frozen=True)
class RepresentationRecord:
    """A representation's axes, and its ID accuracy (in [0, 1]) once something was evaluated.

    seed: None for external features. id_accuracy_from: ``head``, ``nearest class
    mean`` or ``none``. evaluated_at: ISO 8601.
    """

    key: str
    id_set: str
    pretext: str
    backbone: str
    finetune: str
    seed: int | None
    id_accuracy: float | None
    id_accuracy_from: str | None
    evaluated_at: str | None


@dataclass(frozen=True)
class Number:
    """One evaluation of one scorer; metrics are fractions in [0, 1], None with a reason.

    input_digest: of its banks. object_key: the key of the object that holds it.
    """

    scorer: str
    metrics: Mapping[str, float | None]
    reason: str | None
    seconds: float
    created_at: str
    input_digest: str
    object_key: str


@dataclass(frozen=True)
class PairRecord:
    """All numbers of a representation on one ID/OOD pair, one per scorer."""

    distance: str
    n_id: int
    n_ood: int
    numbers: tuple[Number, ...]


class Records:
    """Reads the current rows of what is mirrored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def launch(self, launch_id: int) -> LaunchRecord | None:
        """Return a launch, or None if there is none with this id."""
        query = (
            select(
                launches.c.id,
                revisions.c.sweep,
                launches.c.executor,
                launches.c.host,
                launches.c.pid,
                launches.c.plan,
                revisions.c.yaml,
                revisions.c.n_cells,
                launches.c.calls_planned,
                launches.c.started_at,
                launches.c.ended_at,
                launches.c.outcome,
            )
            .join(revisions, revisions.c.id == launches.c.revision)
            .where(launches.c.id == launch_id)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return LaunchRecord(**row._asdict()) if row else None

    def newest_launch(self, sweep: str) -> int | None:
        """Return the id of a sweep's newest launch."""
        query = (
            select(launches.c.id)
            .join(revisions, revisions.c.id == launches.c.revision)
            .where(revisions.c.sweep == sweep)
            .order_by(launches.c.id.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def representation(self, sweep: str, key: str, id_set: str) -> RepresentationRecord | None:
        """Return a representation as the newest revision names it, or None if no cell has it."""
        query = (
            select(
                cells.c.pretext,
                cells.c.backbone,
                cells.c.finetune,
                cells.c.seed,
                evaluations.c.id_accuracy,
                evaluations.c.id_accuracy_from,
                evaluations.c.created_at.label("evaluated_at"),
            )
            .join(revisions, revisions.c.id == cells.c.revision)
            .outerjoin(evaluations, evaluations.c.evaluation_key == cells.c.evaluation_key)
            .where(
                cells.c.representation_key == key,
                cells.c.id_set == id_set,
                revisions.c.sweep == sweep,
            )
            # A cell with a known accuracy first; then a fixed order.
            .order_by(
                evaluations.c.id_accuracy.is_(None),
                revisions.c.id.desc(),
                cells.c.cell_key,
            )
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return RepresentationRecord(key, id_set, **row._asdict()) if row else None

    def pair(self, sweep: str, key: str, id_set: str, ood_set: str) -> PairRecord | None:
        """Return the numbers of a pair; of two with one scorer label, that of the newest revision.

        None if the pair has no number yet.
        """
        query = (
            select(
                cells.c.scorer,
                *(evaluations.c[name] for name in METRICS),
                evaluations.c.reason,
                evaluations.c.seconds,
                evaluations.c.created_at,
                evaluations.c.input_digest,
                evaluations.c.object_key,
                cells.c.distance,
                evaluations.c.n_id,
                evaluations.c.n_ood,
            )
            .join(revisions, revisions.c.id == cells.c.revision)
            .join(evaluations, evaluations.c.evaluation_key == cells.c.evaluation_key)
            .where(
                cells.c.representation_key == key,
                cells.c.id_set == id_set,
                cells.c.ood_set == ood_set,
                revisions.c.sweep == sweep,
            )
            .order_by(revisions.c.id, cells.c.cell_key)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return None
        newest = {row.scorer: _number(row) for row in rows}
        last = rows[-1]
        numbers = tuple(newest[scorer] for scorer in sorted(newest))
        return PairRecord(last.distance, last.n_id, last.n_ood, numbers)


def _number(row: Any) -> Number:
    return Number(
        scorer=row.scorer,
        metrics={name: getattr(row, name) for name in METRICS},
        reason=row.reason,
        seconds=row.seconds,
        created_at=row.created_at,
        input_digest=row.input_digest,
        object_key=row.object_key,
    )
