from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine

from mood_sweeps.results.sqlite_address import absolute_url, sqlite_path, sqlite_url

ODD = ["50%", "a%20b", "a%2520b", "a b", "a+b", "h#q?x=1", "u:p@h", "é 漢", "a'b\"c", "a\\b", "%zz"]


@pytest.mark.parametrize("name", ODD)
def test_a_url_names_the_very_file(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    file = folder / f"{name}.db"
    engine = create_engine(sqlite_url(file))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE here (x)")
    engine.dispose()
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.db")] == [
        file.relative_to(tmp_path)
    ]
    with sqlite3.connect(file) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == [("here",)]
    assert sqlite_path(sqlite_url(file)) == file
    assert sqlite_path(URL.create("sqlite", database=str(file)).render_as_string()) == file


def test_sqlite_is_made_absolute_and_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert absolute_url("sqlite:///.mood/mlflow.db") == "sqlite:////.mood/mlflow.db"
    assert absolute_url("sqlite:////a/b.db") == "sqlite:////a/b.db"
    assert absolute_url("sqlite:///a%20b.db?timeout=5") == "sqlite:////a b.db?timeout=5"
    assert absolute_url("http://host:5000") == "http://host:5000"
    assert absolute_url("no url") == "no url"


def test_only_a_file_of_sqlite_has_a_path() -> None:
    assert sqlite_path("sqlite:////a/b c.db") == Path("/a/b c.db")
    for url in (
        "postgresql://host/name",
        "http://host:5000",
        "sqlite://",
        "sqlite:///:memory:",
        "x",
    ):
        assert sqlite_path(url) is None
