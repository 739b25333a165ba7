"""Migrations, by alembic: the one place that imports it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

__all__ = ["upgrade"]

_ADVISORY_LOCK = 0x6D6F6F64  # "mood"


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision; safe when several launches start at once."""
    with engine.begin() as connection:
        _wait_for_turn(connection)
        config = Config()
        scripts = str(Path(__file__).parent / "migrations")
        # alembic reads the value as a pattern of ConfigParser's.
        config.set_main_option("script_location", scripts.replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _wait_for_turn(connection: Connection) -> None:
    """Hold a lock until the transaction ends; SQLite's BEGIN IMMEDIATE already is one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
