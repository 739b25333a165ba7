"""Which addresses follow a store that was moved; MLflow's own files: tests/cli."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mood_sweeps.errors import StoreError
from mood_sweeps.tracking.moved_workspace import update_artifact_addresses

BUCKET = "s3://bucket/mlartifacts/2"


def store(home: Path, born: int = 1000) -> Path:
    """Make as much of an MLflow store as counts here: an experiment with a run, and its files."""
    root = home / "mlartifacts"
    (root / "sweep" / "run" / "artifacts").mkdir(parents=True)
    at = (root / "sweep").as_uri()
    with closing(sqlite3.connect(home / "mlflow.db")) as connection, connection:
        connection.executescript(
            "CREATE TABLE experiments (experiment_id, artifact_location, creation_time);"
            "CREATE TABLE runs (artifact_uri); CREATE TABLE model_versions (source);"
            "CREATE TABLE tags (key, value);"
        )
        connection.executemany(
            "INSERT INTO experiments VALUES (?, ?, ?)",
            [(0, (root / "0").as_uri(), born), (1, at, born), (2, BUCKET, born)],
        )
        connection.execute("INSERT INTO runs VALUES (?)", (f"{at}/run/artifacts",))
        connection.execute("INSERT INTO model_versions VALUES (?)", (f"{at}-other/m/artifacts",))
        connection.execute("INSERT INTO model_versions VALUES (?)", (f"{at}/m/artifacts",))
        connection.executemany(
            "INSERT INTO tags VALUES (?, ?)",
            [("mood.checkpoint", f"{home}/store/c"), ("mine", f"{home}/store/c")],
        )
    return home / "mlflow.db"


def said(database: Path) -> list[str]:
    tables = {
        "experiments": "artifact_location",
        "runs": "artifact_uri",
        "model_versions": "source",
        "tags": "value",
    }
    with closing(sqlite3.connect(database)) as connection:
        return [
            value
            for table, column in tables.items()
            for (value,) in connection.execute(f"SELECT {column} FROM {table} ORDER BY rowid")
        ]


def test_all_that_lies_in_the_workspace_follows_and_nothing_else(tmp_path: Path) -> None:
    old, new = tmp_path / "50%", tmp_path / "new"
    before = said(store(old))
    old.rename(new)
    update_artifact_addresses(new / "mlflow.db", new / "mlartifacts")
    after = said(new / "mlflow.db")
    at, was = (new / "mlartifacts").as_uri(), (old / "mlartifacts").as_uri()
    assert after == [
        f"{at}/0",
        f"{at}/sweep",
        BUCKET,
        f"{at}/sweep/run/artifacts",
        f"{was}/sweep-other/m/artifacts",
        f"{at}/sweep/m/artifacts",
        f"{new}/store/c",
        f"{old}/store/c",
    ]
    new.rename(old)
    update_artifact_addresses(old / "mlflow.db", old / "mlartifacts")
    assert said(old / "mlflow.db") == before


def test_a_store_that_is_shared_leaves_the_artifacts_of_another_workspace(tmp_path: Path) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    before = said(store(other))
    here.mkdir()
    shutil.move(other / "mlflow.db", here / "mlflow.db")
    # What is in the other workspace by now is another store.
    (other / "mlartifacts" / "0").mkdir()
    with closing(sqlite3.connect(other / "mlflow.db")) as connection, connection:
        connection.execute("CREATE TABLE experiments (experiment_id, creation_time)")
        connection.execute("INSERT INTO experiments VALUES (0, 2000)")
    update_artifact_addresses(here / "mlflow.db", here / "mlartifacts")
    assert said(here / "mlflow.db") == before


def test_another_name_of_the_same_folder_is_no_move(tmp_path: Path) -> None:
    before = said(store(tmp_path / "home"))
    (tmp_path / "link").symlink_to(tmp_path / "home")
    update_artifact_addresses(tmp_path / "link" / "mlflow.db", tmp_path / "link" / "mlartifacts")
    assert said(tmp_path / "home" / "mlflow.db") == before


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    update_artifact_addresses(tmp_path / "none.db", tmp_path / "mlartifacts")
    assert list(tmp_path.iterdir()) == []
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE x (y)")
    update_artifact_addresses(tmp_path / "other.db", tmp_path / "mlartifacts")
    (tmp_path / "broken.db").write_text("this is no database, and long enough to be seen as none")
    with pytest.raises(StoreError, match=r"broken\.db cannot be changed"):
        update_artifact_addresses(tmp_path / "broken.db", tmp_path / "mlartifacts")
