from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

from mood_sweeps.errors import CorruptObject, InputError, StoreError
from mood_sweeps.identity import key_of
from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.store import Ref, Store
from mood_sweeps.store.codecs import load_bank, save_arrays
from mood_sweeps.store.manifest import MANIFEST
from tests.support.store_objects import ORIGIN, REF, publish, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def place_of(store: Store) -> Path:
    return store.root / "objects" / REF.kind / REF.key[:2] / REF.key


def leftovers(store: Store) -> list[Path]:
    return list((store.root / "tmp").iterdir())


def test_a_published_object_is_complete(store: Store) -> None:
    assert not store.has(REF)
    manifest = publish(store)
    assert store.has(REF)
    assert store.is_sound(REF)
    assert store.manifest(REF) == manifest
    assert manifest.seconds == 1.5
    assert manifest.provides == {"fits": ("c" * 64,)}
    assert manifest.origin == ORIGIN
    assert store.folder(REF) == place_of(store)
    assert sorted(os.listdir(store.folder(REF))) == ["bank.safetensors", MANIFEST, "notes.json"]
    assert leftovers(store) == []


def test_the_same_content_has_the_same_digest(store: Store, tmp_path: Path) -> None:
    assert publish(store).digest == publish(Store(tmp_path / "elsewhere")).digest


def test_a_writer_that_raises_leaves_nothing(store: Store) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"):
        store.publish(REF, fail, ORIGIN, None, 0.0)
    assert not store.has(REF)
    assert not place_of(store).exists()
    assert leftovers(store) == []


KILLED = """\
import os, sys
from pathlib import Path
from mood_sweeps.store import Origin, Ref, Store

def write(folder: Path) -> None:
    (folder / "half").write_text("half")
    if sys.argv[4] == "while writing":
        os.kill(os.getpid(), 9)

rename = os.rename
def killed_before(source, target):
    os.kill(os.getpid(), 9)
if sys.argv[4] == "before renaming":
    os.rename = killed_before

Store(sys.argv[1]).publish(Ref(sys.argv[2], sys.argv[3]), write, Origin({}, {}, {}), None, 0.0)
"""


@pytest.mark.parametrize("moment", ["while writing", "before renaming"])
def test_a_killed_writer_leaves_nothing_visible(store: Store, moment: str) -> None:
    command = [sys.executable, "-c", KILLED, str(store.root), REF.kind, REF.key, moment]
    assert subprocess.run(command, check=False).returncode == -9
    assert not store.has(REF)
    assert not place_of(store).exists()
    assert list(store.refs(REF.kind)) == []
    publish(store)
    assert store.is_sound(REF)


@pytest.mark.parametrize("clock_s", [0.0, -10 * 86400.0, 10 * 86400.0])
def test_files_of_killed_processes_are_removed_after_a_day_even_with_a_wrong_clock(
    store: Store, monkeypatch: pytest.MonkeyPatch, clock_s: float
) -> None:
    left = []
    for name in ("old", "new"):
        folder = store.root / "tmp" / name
        folder.mkdir()
        (folder / "bank.safetensors").write_bytes(b"half")
        probe, lease = store.root / "tmp" / f"probe.{name}", store.root / "leases" / f".{name}"
        probe.touch()
        lease.write_text("{}")
        left.append([folder, probe, lease])
    for path in left[0]:
        os.utime(path, (0, 0))
    held = store.leases.acquire("k")
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + clock_s)
    Store(store.root).prepare()
    assert [[path.exists() for path in paths] for paths in left] == [[False] * 3, [True] * 3]
    assert held is not None
    held.check()


def test_the_manifest_is_written_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    write_text = Path.write_text

    def watched(path: Path, *args: str, **options: str) -> int:
        if path.name == MANIFEST:
            seen.append(sorted(os.listdir(path.parent)))
        return write_text(path, *args, **options)

    monkeypatch.setattr(Path, "write_text", watched)
    publish(store)
    assert seen == [["bank.safetensors", "notes.json"]]


def test_of_two_objects_with_one_key_the_first_stays(store: Store) -> None:
    def write_while_another_is_faster(folder: Path) -> None:
        (folder / "mine").write_text("loser")
        publish(Store(store.root))

    manifest = store.publish(REF, write_while_another_is_faster, ORIGIN, None, 9.0)
    assert manifest == store.manifest(REF)
    assert manifest.seconds == 1.5
    assert "mine" not in os.listdir(store.folder(REF))
    assert leftovers(store) == []


def test_a_former_holder_cannot_publish(store: Store) -> None:
    lease = store.leases.acquire("name")
    assert lease is not None

    def write_while_the_lease_goes(folder: Path) -> None:
        write(folder)
        store.leases.release(lease)
        assert Store(store.root).leases.acquire("name") is not None

    with pytest.raises(LeaseLost):
        store.publish(REF, write_while_the_lease_goes, ORIGIN, lease, 0.0)
    assert not store.has(REF)
    assert leftovers(store) == []


def test_files_without_a_manifest_do_not_block_an_object(store: Store) -> None:
    publish(store)
    (place_of(store) / MANIFEST).unlink()
    assert not store.has(REF)
    publish(store)
    assert store.is_sound(REF)


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "manifest", "gone"])
def test_damage_is_found_and_named(store: Store, damage: str) -> None:
    publish(store)
    file = place_of(store) / "bank.safetensors"
    if damage == "truncate":
        os.truncate(file, file.stat().st_size - 1)
    elif damage == "flip":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    elif damage == "delete":
        file.unlink()
    elif damage == "manifest":
        (place_of(store) / MANIFEST).unlink()
    else:
        shutil.rmtree(place_of(store))
    # Only reading the file shows a flipped byte: planning stays cheap, the first reader finds it.
    assert Store(store.root).is_sound(REF) is (damage == "flip")
    with pytest.raises(CorruptObject) as caught:
        Store(store.root).folder(REF)
    assert caught.value.ref == REF
    assert str(REF) in str(caught.value)


def test_an_unreadable_manifest_is_damage(store: Store) -> None:
    publish(store)
    (place_of(store) / MANIFEST).write_bytes(b"\xff\xfe{")
    assert store.has(REF)
    assert not store.is_sound(REF)
    with pytest.raises(CorruptObject):
        store.folder(REF)


def test_digests_are_checked_once_and_sizes_always(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)
    reader = Store(store.root)
    read: list[str] = []
    from mood_sweeps.store import objects

    digest = objects.file_digest

    def watched(path: Path) -> str:
        read.append(path.name)
        return digest(path)

    monkeypatch.setattr(objects, "file_digest", watched)
    reader.folder(REF)
    reader.folder(REF)
    assert sorted(read) == ["bank.safetensors", "notes.json"]
    os.truncate(place_of(store) / "notes.json", 1)
    with pytest.raises(CorruptObject):
        reader.folder(REF)


def test_quarantine_takes_an_object_out_of_use_and_keeps_it(store: Store) -> None:
    publish(store)
    store.folder(REF)
    store.quarantine(REF)
    assert not store.has(REF)
    (grave,) = (store.root / "quarantine").iterdir()
    assert "bank.safetensors" in os.listdir(grave)
    publish(store)
    store.folder(REF)
    store.quarantine(REF)
    store.quarantine(REF)  # another launch may have been faster
    assert len(list((store.root / "quarantine").iterdir())) == 2


def test_objects_of_a_kind_are_listed_in_order(store: Store) -> None:
    group = f"score/{key_of('group')}"
    refs = [Ref(group, key_of(number)) for number in range(20)]
    for ref in refs:
        publish(store, ref)
    (store.root / "objects" / group / refs[0].key[:2] / refs[0].key / MANIFEST).unlink()
    assert list(store.refs(group)) == sorted(refs[1:])
    assert list(store.refs("score")) == []
    assert list(store.refs("never")) == []


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        Store(tmp_path / "file" / "store").prepare()


def test_several_launches_may_prepare_one_store_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        for round_ in range(40):
            stores = [Store(tmp_path / str(round_)) for _ in range(8)]
            list(threads.map(Store.prepare, stores))
            assert not list((stores[0].root / "tmp").iterdir())


def test_reading_from_a_missing_store_creates_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert not store.has(REF)
    assert not store.is_sound(REF)
    with pytest.raises(StoreError, match="is not in the store"):
        store.manifest(REF)
    assert list(tmp_path.iterdir()) == []


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["MOOD_TEST_BOMB"],)


def test_a_pickle_in_disguise_is_refused_and_never_run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crater = tmp_path / "crater"
    monkeypatch.setenv("MOOD_TEST_BOMB", str(crater))

    def disguise(folder: Path) -> None:
        for name in ("bank.safetensors", "head.safetensors", "model.safetensors"):
            (folder / name).write_bytes(pickle.dumps({"features": Bomb(), "labels": Bomb()}))

    store.publish(REF, disguise, ORIGIN, None, 0.0)
    folder = store.folder(REF)
    with pytest.raises(SafetensorError):
        load_bank(folder)
    assert not crater.exists()


def test_arrays_of_objects_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SafetensorError, match="object"):
        save_arrays({"objects": np.array([Bomb()], dtype=object)}, tmp_path / "objects")
