"""A folder with the small sweep, and what it comes to when nothing goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from driven import SMALL, mood_sweep
from facts import Facts


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
