from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.tracking.address import Secrets, absolute_uri, sqlite_path


def test_sqlite_is_made_absolute_and_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert absolute_uri("sqlite:///.mood/mlflow.db") == "sqlite:////.mood/mlflow.db"
    assert absolute_uri("sqlite:////a/b.db") == "sqlite:////a/b.db"
    assert absolute_uri("http://host:5000") == "http://host:5000"
    assert sqlite_path("sqlite:////a/b c.db") == Path("/a/b c.db")
    assert sqlite_path("postgresql://host/name") is None


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


def test_text_without_credentials_is_unchanged() -> None:
    text = "https://host:5000/api said 503; mail ann@example.org"
    assert Secrets("sqlite:////a.db").hidden(text) == text
