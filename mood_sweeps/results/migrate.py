"""Migrations, by alembic, and the columns and views that depend on the metrics registry."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Float, delete, insert, inspect, text

from mood_sweeps.metrics.registry import METRICS
from mood_sweeps.results.schema import SCHEMA_DIGEST, VIEWS, schema_state

__all__ = ["upgrade"]

_ADVISORY_LOCK = 0x6D6F6F64  # "mood"


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision; safe when several launches start at once."""
    with engine.begin() as connection:
        _wait_for_turn(connection)
        config = Config()
        scripts = str(Path(__file__).parent / "migrations")
        # alembic reads the value as a ConfigParser pattern.
        config.set_main_option("script_location", scripts.replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _apply_registry(connection)


def _apply_registry(connection: Connection) -> None:
    """Add columns for metrics that the table lacks, and create the views anew.

    A column without a metric in the registry stays, and is in no view.
    """
    present = {column["name"] for column in inspect(connection).get_columns("evaluations")}
    for name in VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
    for name in METRICS:
        if name not in present:
            kind = Float().compile(connection.dialect)
            connection.execute(text(f"ALTER TABLE evaluations ADD COLUMN {name} {kind}"))
    for name, query in VIEWS.items():
        connection.execute(text(f"CREATE VIEW {name} AS {query}"))
    connection.execute(delete(schema_state))
    connection.execute(insert(schema_state).values(id=1, digest=SCHEMA_DIGEST))


def _wait_for_turn(connection: Connection) -> None:
    """Hold a lock until the transaction ends; SQLite's BEGIN IMMEDIATE already is one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
