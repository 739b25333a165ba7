"""A fingerprint changes with what a set is, and with nothing else; contents are read once."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from mood_sweeps.data import fingerprints, index
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.index import index_images
from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError
from mood_sweeps.identity import file_digest
from tests.support.image_folders import LONG_AGO, defined_set, save_image, save_images

NAMES = [f"{name}/{number}.png" for name in ("cat", "dog") for number in range(30)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return save_images(tmp_path / "root", NAMES)


def set_of(root: Path, kept: Path | None = None, full: bool = False) -> UserSet:
    return defined_set({"folder": root.name}, root.parent, kept, full)


def set_of_list(root: Path, lines: str) -> UserSet:
    (root.parent / "list.txt").write_text(lines)
    raw = {"list": "list.txt", "root": root.name}
    return defined_set(raw, root.parent)


def change_pixels(path: Path) -> None:
    """Write another image, the file's size and time of change staying."""
    before = path.stat()
    save_image(path, 99)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))


def test_a_moved_renamed_or_touched_root_is_the_same_set(root: Path, tmp_path: Path) -> None:
    before = set_of(root).fingerprint
    assert set_of(Path(shutil.copytree(root, tmp_path / "copy"))).fingerprint == before
    os.utime(root / NAMES[0])
    assert set_of(root.rename(tmp_path / "renamed")).fingerprint == before


CHANGES: dict[str, Callable[[Path], object]] = {
    "pixels": lambda root: change_pixels(root / NAMES[0]),
    "a name": lambda root: (root / NAMES[0]).rename(root / "cat/other.png"),
    "a class": lambda root: (root / "cat").rename(root / "bird"),
    "a label": lambda root: (root / NAMES[0]).rename(root / "dog/100.png"),
    "an image more": lambda root: save_image(root / "cat/31.png"),
    "an image less": lambda root: (root / NAMES[0]).unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_set_is_is_in_its_fingerprint(root: Path, change: str) -> None:
    before = set_of(root).fingerprint
    CHANGES[change](root)
    assert set_of(root).fingerprint != before


def test_labels_alone_are_in_the_fingerprint(root: Path) -> None:
    one = set_of_list(root, "cat/1.png 0\ncat/2.png 1\n")
    assert one.fingerprint != set_of_list(root, "cat/1.png 1\ncat/2.png 0\n").fingerprint
    assert one.fingerprint != set_of_list(root, "cat/1.png 0\ncat/2.png 2\n").fingerprint


def test_content_digests_are_those_of_the_bytes(root: Path) -> None:
    images = set_of(root)
    digests = images.content_digests("all")
    assert digests is not None
    for id_, digest in zip(images.open("all").ids, digests, strict=True):
        assert digest.tobytes().hex() == file_digest(root / id_)


def test_contents_are_read_once(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "deep" / "kept.sqlite"
    first = set_of(root, kept)
    # What is kept counts as long as size and time stay, so this is not seen ...
    change_pixels(root / NAMES[0])
    assert set_of(root, kept).fingerprint == first.fingerprint
    # ... but this is, and so is what was kept for another path.
    os.utime(root / NAMES[0], (LONG_AGO + 1, LONG_AGO + 1))
    changed = set_of(root, kept).fingerprint
    assert changed == set_of(root).fingerprint != first.fingerprint
    assert set_of(root.rename(tmp_path / "renamed"), kept).fingerprint == changed


def test_what_cannot_be_read_is_known_the_next_time(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    (root / NAMES[0]).write_bytes(b"no image")
    os.utime(root / NAMES[0], (LONG_AGO, LONG_AGO))
    for _ in range(2):
        with pytest.raises(InputError, match=r"cat/0.png: it is none of JPEG"):
            set_of(root, kept)


def test_files_that_changed_just_now_are_not_kept(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    os.utime(root / NAMES[0])
    set_of(root, kept)
    with sqlite3.connect(kept) as connection:
        paths = {Path(path).name for (path,) in connection.execute("select path from digests")}
    assert len(paths) == 30
    with sqlite3.connect(kept) as connection:
        assert connection.execute("select count(*) from digests").fetchone() == (59,)
    connection.close()


def test_kept_digests_can_be_deleted_and_another_file_is_not_touched(
    root: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.sqlite"
    before = set_of(root, kept).fingerprint
    kept.unlink()
    assert set_of(root, kept).fingerprint == before
    for data in (b"", b"my notes, more than a hundred bytes of them" * 10):
        kept.write_bytes(data)
        if not data:
            assert set_of(root, kept).fingerprint == before
            continue
        with pytest.raises(InputError, match="no file of kept digests"):
            set_of(root, kept)
        assert kept.read_bytes() == data
    kept.unlink()
    with sqlite3.connect(kept) as connection:
        connection.execute("create table digests (mine text)")
    connection.close()
    with pytest.raises(InputError, match="no file of kept digests"):
        set_of(root, kept)


def test_where_nothing_can_be_kept_all_is_computed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert set_of(root, tmp_path / "file" / "kept").fingerprint == set_of(root).fingerprint


def test_progress_ends_at_all_bytes(root: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    definition = read_definition({"folder": "root"}, root.parent)
    kept = KeptDigests(tmp_path / "kept.sqlite")
    for _ in range(2):
        calls.clear()
        index_images(definition, kept, lambda done, total: calls.append((done, total)))
        total = sum(path.stat().st_size for path in root.rglob("*.png"))
        assert calls[-1] == (total, total)
        assert [done for done, _ in calls] == sorted(done for done, _ in calls)


@pytest.fixture
def _small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MOST_FULL", 50)
    monkeypatch.setattr(fingerprints, "SAMPLED", 20)


@pytest.mark.usefixtures("_small_samples")
def test_of_a_large_set_a_sample_is_read(root: Path) -> None:
    images = set_of(root)
    assert images.is_sampled
    assert images.content_digests("all") is None
    assert "sample" in images.note
    assert images.fingerprint != set_of(root, full=True).fingerprint
    assert not set_of(root, full=True).is_sampled
    changed = 0
    for name in NAMES:
        before = (root / name).read_bytes()
        change_pixels(root / name)
        changed += set_of(root).fingerprint != images.fingerprint
        (root / name).write_bytes(before)
    assert changed == 20
    with (root / NAMES[-1]).open("ab") as file:
        file.write(b"\0")
    assert set_of(root).fingerprint != images.fingerprint
