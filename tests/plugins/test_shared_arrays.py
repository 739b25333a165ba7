from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mood_sweeps.plugins.shared_arrays import Shared, mapped, written

ARRAYS = {
    "float32": np.arange(6, dtype="f4").reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "a number": np.array(3),
    "no rows": np.zeros((0, 4)),
    "booleans": np.array([True, False]),
}


def test_arrays_come_back_as_they_were_and_cannot_be_written(tmp_path: Path) -> None:
    files = written(ARRAYS, tmp_path)
    assert list(files) == list(ARRAYS)
    for name, file in files.items():
        found = mapped(tmp_path / file)
        assert found.dtype == ARRAYS[name].dtype, name
        np.testing.assert_array_equal(found, ARRAYS[name], err_msg=name)
        assert not found.flags.writeable, name


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    np.save(path.with_name("other.npy"), np.zeros(2))
    path.symlink_to(path.with_name("other.npy"))


def objects(path: Path) -> None:
    np.save(path, np.array([{}, []], dtype=object), allow_pickle=True)


def text(path: Path) -> None:
    path.write_text("no array")


def cut_short(path: Path) -> None:
    np.save(path, np.zeros(100))
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize("make", [a_pipe, a_link, objects, text, cut_short])
def test_what_is_no_file_of_numbers_is_refused(tmp_path: Path, make) -> None:
    make(tmp_path / "it.npy")
    with pytest.raises((ValueError, OSError)):
        mapped(tmp_path / "it.npy")


def test_an_array_is_written_once_and_forgotten_files_are_gone(tmp_path: Path) -> None:
    shared, array = Shared(tmp_path), np.arange(3.0)
    file = shared.file_of(array)
    assert shared.file_of(array) == file
    assert shared.file_of(array.copy()) != file
    np.testing.assert_array_equal(np.load(file), array)
    shared.forget()
    assert list(tmp_path.iterdir()) == []
    assert shared.file_of(array) not in (file, "")
