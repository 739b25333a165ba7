"""The revisions of a sweep: the sets of cells that were launched under its name.

A sweep's cells change with its experiment file, and two files may have one name. Each set of cells
is a revision; the view `results` shows the one launched last, `results_all` shows all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import revisions, sweeps

__all__ = ["Revision", "revisions_of"]


@dataclass(frozen=True)
class Revision:
    """One revision of a sweep.

    id: as in the column ``revision`` of `results_all`. file: the experiment file, as recorded.
    created_at: ISO 8601, of its first launch. is_current: whether `results` shows it.
    """

    id: int
    sweep: str
    file: str
    n_cells: int
    created_at: str
    is_current: bool

    def __str__(self) -> str:
        cells = f"{self.n_cells:,} cell{'' if self.n_cells == 1 else 's'}"
        return f"revision {self.id} ({Path(self.file).name}, {cells}, {self.created_at[:16]})"


def revisions_of(database: Database, sweep: str) -> list[Revision]:
    """Return the revisions of ``sweep``, the oldest first."""
    query = (
        select(
            revisions.c.id,
            revisions.c.sweep,
            revisions.c.file,
            revisions.c.n_cells,
            revisions.c.created_at,
            (sweeps.c.current_revision == revisions.c.id).label("is_current"),
        )
        .join(sweeps, sweeps.c.name == revisions.c.sweep)
        .where(revisions.c.sweep == sweep)
        .order_by(revisions.c.id)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return [Revision(**row._asdict()) for row in rows]
