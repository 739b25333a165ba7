from __future__ import annotations

import sys

import pytest

from mood_sweeps.redaction import Secrets


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


def test_secrets_of_the_environment_are_known_by_the_names_of_their_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtn")
    monkeypatch.setenv("PGPASSWORD", "pw")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "enabled")
    monkeypatch.setenv("MOOD_DATABASE", "postgresql://ann:s3cret@host/db")
    assert Secrets().hidden("wJalrXUtn, pw, enabled, s3cret") == "***, ***, enabled, ***"


@pytest.mark.parametrize("option", [["--database", "{}"], ["--database={}"]])
def test_secrets_of_the_command_line_are_known(
    monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    url = "postgresql://ann:s3cret@host/db"
    monkeypatch.setattr(sys, "argv", ["mood-sweep", *(part.format(url) for part in option)])
    assert Secrets().hidden("refused s3cret") == "refused ***"
