"""What the MLflow view shows of a launch, a representation and a pair, read from SQL."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import cells, evaluations, launches, revisions

__all__ = ["LaunchShown", "Number", "PairShown", "Records", "RepresentationShown"]


@dataclass(frozen=True)
class LaunchShown:
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
class RepresentationShown:
    """A representation's axes, and its ID accuracy (in [0, 1]) once something was evaluated.

    seed: None where the user brought the features. id_accuracy_from: ``head``, ``nearest class
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

    input_digest: of the banks that it was made from. object_key: of the object that holds it.
    """

    scorer: str
    auroc: float | None
    fpr95: float | None
    aupr_in: float | None
    aupr_out: float | None
    reason: str | None
    seconds: float
    created_at: str
    input_digest: str
    object_key: str


@dataclass(frozen=True)
class PairShown:
    """All numbers of a representation on one ID/OOD pair, one per scorer."""

    distance: str
    n_id: int
    n_ood: int
    numbers: tuple[Number, ...]


class Records:
    """Reads what is to be mirrored, always as it is now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def launch(self, launch_id: int) -> LaunchShown | None:
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
        return LaunchShown(**row._asdict()) if row else None

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

    def representation(self, sweep: str, key: str, id_set: str) -> RepresentationShown | None:
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
            .outerjoin(evaluations, evaluations.c.score_key == cells.c.score_key)
            .where(
                cells.c.representation_key == key,
                cells.c.id_set == id_set,
                revisions.c.sweep == sweep,
            )
            # A cell with a known accuracy first; then an order that never changes.
            .order_by(
                evaluations.c.id_accuracy.is_(None),
                revisions.c.id.desc(),
                cells.c.cell_key,
            )
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return RepresentationShown(key, id_set, **row._asdict()) if row else None

    def pair(self, sweep: str, key: str, id_set: str, ood_set: str) -> PairShown | None:
        """Return the numbers of a pair, the newest revision's where two name one scorer.

        None if nothing of it has been evaluated.
        """
        query = (
            select(
                cells.c.scorer,
                evaluations.c.auroc,
                evaluations.c.fpr95,
                evaluations.c.aupr_in,
                evaluations.c.aupr_out,
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
            .join(evaluations, evaluations.c.score_key == cells.c.score_key)
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
        newest = {row.scorer: Number(*row[:10]) for row in rows}
        last = rows[-1]
        numbers = tuple(newest[scorer] for scorer in sorted(newest))
        return PairShown(last.distance, last.n_id, last.n_ood, numbers)
