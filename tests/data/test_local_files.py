from __future__ import annotations

import os
from pathlib import Path

import pytest

from mood_sweeps.data.local_files import cache_folder, data_roots
from mood_sweeps.errors import InputError


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four data folders, of which the last is named by the user's configuration file."""
    for name in ("a", "b", "c", "config/mood-sweeps/d"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/mood-sweeps/config.toml").write_text('data_roots = ["d"]\n')
    monkeypatch.setenv("MOOD_DATA", os.pathsep.join(str(tmp_path / name) for name in "bc"))
    return tmp_path


def test_roots_are_those_given_then_those_of_the_environment_and_the_configuration(
    folders: Path,
) -> None:
    found = data_roots([folders / "a"])
    assert [root.name for root in found] == ["a", "b", "c", "d"]
    assert all(root.is_absolute() for root in found)


def test_every_root_that_is_no_folder_is_named(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOOD_DATA", str(folders / "lost"))
    with pytest.raises(InputError) as refused:
        data_roots([folders / "gone"])
    messages = [problem.message for problem in refused.value.problems]
    assert messages == [
        f"the data root: there is no folder {str(folders / 'gone')!r}",
        f"$MOOD_DATA: there is no folder {str(folders / 'lost')!r}",
    ]


@pytest.mark.parametrize("text", ["data_roots = 3", "data_roots = [", 'data_roots = ["a", 1]'])
def test_a_wrong_configuration_file_is_named(folders: Path, text: str) -> None:
    file = folders / "config/mood-sweeps/config.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"data_roots must be a list|cannot be read") as refused:
        data_roots()
    assert str(file) in str(refused.value)


def test_the_cache_folder_is_the_one_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOOD_CACHE", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("MOOD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mood-sweeps"
