from __future__ import annotations

import importlib.metadata
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import mood_sweeps
from mood_sweeps.engine import code_version
from mood_sweeps.engine.code_version import commit
from mood_sweeps.engine.environment import environment

AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b.c")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a package of one file that stands for ours, at the top of a folder."""
    package = tmp_path / "checkout" / "mood_sweeps"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(mood_sweeps, "__file__", str(package / "__init__.py"))
    commit.cache_clear()
    yield package
    commit.cache_clear()


def git(package: Path, *arguments: str) -> str:
    command = ["git", "-C", str(package.parent), *AUTHOR, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def committed(package: Path) -> str:
    git(package, "init", "-q")
    git(package, "remote", "add", "origin", "https://ann:s3cret@host/x.git")
    git(package, "add", ".")
    git(package, "commit", "-qm", "first")
    return git(package, "rev-parse", "HEAD")


def asked_again() -> str | None:
    commit.cache_clear()
    return commit()


def test_a_checkout_says_its_commit_and_whether_it_was_changed(package: Path) -> None:
    head = committed(package)
    assert commit() == head
    (package.parent / "notes.txt").write_text("beside the package")
    assert asked_again() == head
    (package / "new.py").write_text("")
    assert asked_again() == f"{head}-dirty"
    git(package, "add", ".")
    git(package, "commit", "-qm", "second")
    assert asked_again() == git(package, "rev-parse", "HEAD") != head
    (package / "__init__.py").write_text("x = 1")
    assert str(asked_again()).endswith("-dirty")


def test_a_linked_worktree_says_its_own_commit(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = committed(package)
    tree = tmp_path / "tree"
    git(package, "worktree", "add", "-q", str(tree))
    (package / "__init__.py").write_text("x = 1")
    monkeypatch.setattr(mood_sweeps, "__file__", str(tree / "mood_sweeps" / "__init__.py"))
    assert asked_again() == head


def test_gits_variables_of_another_repository_do_not_count(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = committed(package)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert commit() == head


def test_without_git_or_a_commit_nothing_is_said(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(package, "init", "-q")
    assert commit() is None
    committed(package)
    monkeypatch.setenv("PATH", "")
    assert asked_again() is None


def test_what_lies_in_a_users_repository_does_not_take_its_commit(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(package)
    installed = package.parent / ".venv" / "site-packages" / "mood_sweeps"
    installed.mkdir(parents=True)
    monkeypatch.setattr(mood_sweeps, "__file__", str(installed / "__init__.py"))
    monkeypatch.setattr(
        code_version, "distribution", lambda _: SimpleNamespace(read_text=lambda _: None)
    )
    assert asked_again() is None


@pytest.mark.usefixtures("package")
def test_what_pip_installed_from_git_says_the_commit_and_no_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = {"url": "https://ann:s3cret@host/x", "vcs_info": {"vcs": "git", "commit_id": "ab1"}}
    installed = SimpleNamespace(read_text=lambda _: json.dumps(note))
    monkeypatch.setattr(code_version, "distribution", lambda _: installed)
    assert commit() == "ab1"


def test_libraries_are_named_and_the_class_is_what_it_was() -> None:
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "timm")}
    here = environment()
    assert {name: here[name] for name in versions} == versions
    assert {"scikit-learn", "scipy", "torchvision", "lightly", "mood-sweeps"} <= set(here)
    # Rows are compared within a class alone, so neither code nor another library belongs in it.
    assert here["class"].split()[-2:] == [
        f"torch-{versions['torch']}",
        f"numpy-{versions['numpy']}",
    ]
