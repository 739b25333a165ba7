"""The tables of the results database, and the two flat views that people read.

A cell refers to its number by ``evaluation_key``; evaluations hold each number once, however many
sweeps share it. The views join the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mood_sweeps.identity import key_of
from mood_sweeps.metrics.registry import METRICS, METRICS_DIGEST

__all__ = [
    "HEAD_REVISION",
    "METADATA",
    "NOT_COMPUTED",
    "SCHEMA_DIGEST",
    "VIEWS",
    "attempts",
    "cells",
    "confusions",
    "evaluations",
    "launches",
    "mlflow_runs",
    "outbox",
    "revisions",
    "schema_state",
    "stages",
    "sweeps",
]

HEAD_REVISION = "0006"
"""The newest migration; a database at any other revision is migrated or refused."""

METADATA = MetaData()
KEY = String(64)

sweeps = Table(
    "sweeps",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("current_revision", Integer, nullable=False),
)

revisions = Table(
    "revisions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("sweep", String(200), nullable=False),
    Column("digest", KEY, nullable=False),
    Column("yaml", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("n_cells", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("sweep", "digest"),
)

launches = Table(
    "launches",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, ForeignKey("revisions.id"), nullable=False),
    Column("executor", String(20), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float, nullable=False),
    Column("boot", String(64), nullable=False),
    Column("plan", Text, nullable=False),
    Column("calls_planned", Integer, nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("outcome", String(20)),
)

cells = Table(
    "cells",
    METADATA,
    Column("revision", Integer, ForeignKey("revisions.id"), primary_key=True),
    Column("cell_key", KEY, primary_key=True),
    Column("pretext", Text, nullable=False),
    Column("backbone", Text, nullable=False),
    Column("finetune", Text, nullable=False),
    Column("scorer", Text, nullable=False),
    Column("id_set", String(200), nullable=False),
    Column("ood_set", String(200), nullable=False),
    Column("distance", String(10), nullable=False),
    Column("seed", BigInteger),
    Column("evaluation_key", KEY, nullable=False),
    Column("representation_key", KEY, nullable=False),
    Column("status", String(10), nullable=False),
    Column("reason", Text),
    Index("cells_by_evaluation", "evaluation_key"),
    Index("cells_by_representation", "representation_key"),
)

evaluations = Table(
    "evaluations",
    METADATA,
    Column("evaluation_key", KEY, primary_key=True),
    *(Column(name, Float) for name in METRICS),
    Column("metrics_digest", String(16)),
    Column("metrics_state", String(40)),
    Column("id_accuracy_from", String(20), nullable=False),
    Column("n_id", Integer, nullable=False),
    Column("n_ood", Integer, nullable=False),
    Column("reason", Text),
    Column("note", Text),
    Column("seconds", Float, nullable=False),
    Column("object_key", KEY, nullable=False),
    Column("input_digest", KEY, nullable=False),
    Column("environment", String(200), nullable=False),
    Column("created_at", String(32), nullable=False),
)

confusions = Table(
    "confusions",
    METADATA,
    Column("evaluation_key", KEY, ForeignKey("evaluations.evaluation_key"), primary_key=True),
    Column("table", Text, nullable=False),
)

stages = Table(
    "stages",
    METADATA,
    Column("key", KEY, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("label", Text, nullable=False),
    Column("digest", KEY, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("environment", String(200), nullable=False),
    Column("created_at", String(32), nullable=False),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("launch", Integer, ForeignKey("launches.id"), nullable=False),
    Column("call_key", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("label", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("units", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", String(255)),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("seconds", Float),
    Column("outcome", String(20)),
    Column("error", Text),
    Column("traceback", Text),
    Column("log", Text),
    Index("attempts_by_launch", "launch", "outcome"),
    Index("attempts_by_method", "kind", "method"),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("sweep", String(200), nullable=False),
    Column("subject", String(500), nullable=False),
    Column("content", KEY, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("done_at", String(32)),
    Column("error", Text),
    UniqueConstraint("kind", "sweep", "subject", "content"),
    Index("outbox_open", "done_at"),
)

schema_state = Table(
    "schema_state",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(16), nullable=False),
)

mlflow_runs = Table(
    "mlflow_runs",
    METADATA,
    Column("sweep", String(200), primary_key=True),
    Column("representation_key", KEY, primary_key=True),
    Column("id_set", String(200), primary_key=True),
    Column("ood_set", String(200), primary_key=True),
    Column("run_id", String(64), nullable=False),
)

NOT_COMPUTED = "not computed yet"
"""The text for numbers with metrics that are missing or of an older version."""

_COLUMNS = f"""
    r.sweep, c.cell_key, c.pretext, c.backbone, c.finetune, c.scorer, c.id_set, c.ood_set,
    c.distance, c.seed,
    CASE WHEN e.evaluation_key IS NULL THEN c.status ELSE 'done' END AS status,
    CASE WHEN e.evaluation_key IS NULL THEN c.reason ELSE e.reason END AS reason,
    c.evaluation_key, c.representation_key,
    {", ".join(f"e.{name}" for name in METRICS)},
    CASE WHEN e.evaluation_key IS NULL THEN NULL
        WHEN e.metrics_digest = '{METRICS_DIGEST}' THEN e.metrics_state
        ELSE '{NOT_COMPUTED}' END AS missing_metrics,
    e.id_accuracy_from, e.n_id, e.n_ood, e.note, e.seconds,
    m.run_id AS mlflow_run_id, e.created_at
"""
_JOINS = """
    FROM cells c
    JOIN revisions r ON r.id = c.revision
    LEFT JOIN evaluations e ON e.evaluation_key = c.evaluation_key
    LEFT JOIN mlflow_runs m ON m.sweep = r.sweep AND m.representation_key = c.representation_key
        AND m.id_set = c.id_set AND m.ood_set = c.ood_set
"""

VIEWS = {
    "results": f"""SELECT {_COLUMNS} {_JOINS}
    JOIN sweeps s ON s.name = r.sweep AND s.current_revision = r.id""",
    "results_all": f"""SELECT {_COLUMNS}, c.revision, r.digest AS revision_digest {_JOINS}""",
}
"""``results``: the current revision of each sweep; ``results_all``: every revision."""

SCHEMA_DIGEST = key_of({"metrics": list(METRICS), "views": VIEWS})[:16]
"""The digest of metric columns and views; a database with another digest is migrated."""
