"""What a workspace holds, read past the package: by sqlite3 and from the files of the store."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["Facts"]

NUMBERS = """
    cell_key, evaluation_key, pretext, backbone, finetune, scorer, id_set, ood_set, distance, seed,
    status, reason, representation_key, auroc, auroc_low, auroc_high, fpr95, fpr95_ood_positive,
    aupr_in, aupr_out, ap_in, ap_out, detection_error, autc, oscr, ccr_at_fpr05, id_accuracy,
    id_accuracy_from, n_id, n_ood, note
"""
TABLES = (
    "sweeps",
    "revisions",
    "launches",
    "cells",
    "evaluations",
    "confusions",
    "stages",
    "attempts",
    "outbox",
    "mlflow_runs",
)


class Facts:
    """The results database, MLflow's database and the store of one workspace."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def rows(self, query: str, database: str = "results.db") -> list[tuple[Any, ...]]:
        """Return the rows of a query; none while there is no database or no such table yet."""
        path = self.home / database
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def count(self, table: str, where: str = "1") -> int:
        """Return the number of rows."""
        rows = self.rows(f"select count(*) from {table} where {where}")
        return int(rows[0][0]) if rows else 0

    def numbers(self) -> list[tuple[Any, ...]]:
        """Return every cell with its keys and all its numbers, bit for bit."""
        rows = self.rows(f"select {NUMBERS} from results order by cell_key")
        return [tuple(v.hex() if isinstance(v, float) else v for v in row) for row in rows]

    def confusions(self) -> list[tuple[Any, ...]]:
        """Return every confusion table."""
        return self.rows('select evaluation_key, "table" from confusions order by evaluation_key')

    def digests(self) -> dict[str, str]:
        """Return the digest of every object by its key."""
        return dict(self.rows("select key, digest from stages"))

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all tables whole."""
        return {table: sorted(self.rows(f"select * from {table}"), key=repr) for table in TABLES}

    def outcomes(self) -> Counter[str]:
        """Return how many attempts there were, by outcome."""
        return Counter(dict(self.rows("select outcome, count(*) from attempts group by outcome")))

    def done_more_than_once(self) -> list[tuple[Any, ...]]:
        """Return the calls with work that was done several times, over all launches."""
        return self.rows(
            "select kind, label, count(*) from attempts where outcome = 'done' "
            "group by call_key having count(*) > 1"
        )

    def manifests(self) -> dict[str, int]:
        """Return when each object's manifest was written, by its place in the store."""
        return {
            str(path.relative_to(self.home)): path.stat().st_mtime_ns
            for path in (self.home / "store" / "objects").rglob("manifest.json")
        }

    def left_overs(self, *, after_kill: bool = False) -> list[str]:
        """Return what a finished launch should not leave behind in the store.

        after_kill: what a process was just writing aside when it was killed may lie there for a
        day.
        """
        store = self.home / "store"
        names = ("leases", "quarantine") if after_kill else ("leases", "quarantine", "tmp")
        return sorted(
            str(path.relative_to(store)) for name in names for path in (store / name).iterdir()
        )

    def mlflow_runs(self) -> Counter[tuple[str, str]]:
        """Return how often each subject has an MLflow run, by (kind, subject)."""
        return Counter(
            self.rows(
                "select k.value, s.value from tags k join tags s on s.run_uuid = k.run_uuid "
                "where k.key = 'mood.kind' and s.key = 'mood.subject'",
                "mlflow.db",
            )
        )
