from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.workspace import Workspace


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOOD_HOME", "MOOD_STORE", "MOOD_DATABASE", "MOOD_MLFLOW"):
        monkeypatch.delenv(name, raising=False)


def test_everything_lies_in_one_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.at()
    home = tmp_path / ".mood"
    assert workspace.store == home / "store"
    assert workspace.database == f"sqlite:///{home}/results.db"
    assert workspace.mlflow == f"sqlite:///{home}/mlflow.db"
    assert workspace.mlflow_artifacts == home / "mlartifacts"
    assert workspace.problems() == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_given_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOOD_HOME", str(tmp_path / "env"))
    monkeypatch.setenv("MOOD_STORE", str(tmp_path / "shared"))
    monkeypatch.setenv("MOOD_DATABASE", "postgresql://host/db")
    monkeypatch.setenv("MOOD_MLFLOW", "http://host:5000")
    from_environment = Workspace.at()
    assert from_environment.home == tmp_path / "env"
    assert from_environment.store == tmp_path / "shared"
    assert from_environment.database == "postgresql://host/db"
    assert from_environment.mlflow == "http://host:5000"
    given = Workspace.at(
        tmp_path / "given", store="s", database="sqlite:///d.db", mlflow="sqlite:///m.db"
    )
    assert given.home == tmp_path / "given"
    assert given.store == Path("s").absolute()
    assert (given.database, given.mlflow) == ("sqlite:///d.db", "sqlite:///m.db")


def test_a_store_is_a_folder_not_a_url() -> None:
    with pytest.raises(InputError, match="is a URL; a store is a folder"):
        Workspace.at(store="s3://bucket/store")


def test_all_problems_come_at_once_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    workspace = Workspace.at(tmp_path / "file" / "home")
    before = sorted(tmp_path.rglob("*"))
    store, database = map(str, workspace.problems())
    assert "store" in store
    assert "is not a folder" in store
    assert "results.db" in database
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("url", "message"),
    [("nonsense", "is no database URL"), ("postgresql://u@127.0.0.1:9/db", "refused")],
)
def test_a_database_that_cannot_be_is_a_problem(tmp_path: Path, url: str, message: str) -> None:
    (problem,) = Workspace.at(tmp_path, database=url).problems()
    assert message in str(problem)
