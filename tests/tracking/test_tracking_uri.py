from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.tracking.tracking_uri import Secrets, without_stray_folder


def test_the_folder_that_mlflow_makes_by_mistake_goes_and_no_other(tmp_path: Path) -> None:
    kept = tmp_path / "a%25"
    kept.mkdir()
    mistaken = tmp_path / "b%25" / "c%25"
    with (
        without_stray_folder(f"sqlite:///{kept}/m.db"),
        without_stray_folder(f"sqlite:///{mistaken}/m.db"),
    ):
        mistaken.mkdir(parents=True)
        (tmp_path / "b%25" / "needed").touch()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a%25", "b%25", "needed"]


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach http://ann:s3cret@host:5000/api",
        "postgresql+psycopg://ann:s3cret@host/db refused",
        "http://ann:p/s3cret@x@host failed",
        "GET /api?user=ann&password=s3cret&x=1",
        "token s3cret was refused",
        "several\n  lines with s3cret",
    ],
)
def test_credentials_are_hidden(text: str) -> None:
    hidden = Secrets("http://ann:s3cret@host:5000").hidden(text)
    assert "s3cret" not in hidden
    assert "***" in hidden
    assert "\n" not in hidden


def test_quoted_password_is_hidden_in_both_forms() -> None:
    secrets = Secrets("http://ann:p%40ss@host")
    assert "p@ss" not in secrets.hidden("failed for p@ss and p%40ss")
    assert "p%40ss" not in secrets.hidden("failed for p@ss and p%40ss")


def test_credentials_from_the_environment_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    assert Secrets("http://host").hidden("Bearer t0ken") == "Bearer ***"


@pytest.mark.parametrize(
    "text",
    [
        "https://host:5000/api said 503; mail ann@example.org",
        "sqlite:////home/a:b@c/mlflow.db is locked",
    ],
)
def test_text_without_credentials_is_unchanged(text: str) -> None:
    assert Secrets("sqlite:////a.db").hidden(text) == text
