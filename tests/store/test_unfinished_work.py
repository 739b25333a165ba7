from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.store import Store
from tests.support.store_objects import REF, publish

DAY_S = 24 * 3600

KILLED_WHILE_WRITING = """\
import os, signal, sys
from pathlib import Path
from mood_sweeps.store.unfinished_work import Unfinished

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], killed)
Unfinished(Path(sys.argv[1])).write(b"new" * 1000)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def files(store: Store) -> list[Path]:
    return [path for path in (store.root / "unfinished").rglob("*") if path.is_file()]


def test_reading_returns_what_was_written_last(store: Store) -> None:
    place = store.unfinished(REF)
    assert place.read() is None
    for content in (b"first", b"", b"second"):
        place.write(content)
        assert store.unfinished(REF).read() == content
    assert files(store) == [place.path]


def test_a_state_with_changed_bytes_is_ignored(store: Store) -> None:
    place = store.unfinished(REF)
    place.write(b"a state")
    whole = place.path.read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1
        place.path.write_bytes(flipped)
        assert place.read() is None
        place.path.write_bytes(whole[:position])
        assert place.read() is None
    place.path.write_bytes(whole)
    assert place.read() == b"a state"


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_killed_write_keeps_the_old_state_and_its_file_goes_after_a_day(
    store: Store, moment: str
) -> None:
    place = store.unfinished(REF)
    place.write(b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(place.path), moment])
    assert ended.returncode == -signal.SIGKILL
    assert place.read() == b"old"
    (temporary,) = set(files(store)) - {place.path}
    store.prepare()
    assert temporary.exists()
    a_day_ago = time.time() - DAY_S - 60
    for path in (temporary, place.path):
        os.utime(path, (a_day_ago, a_day_ago))
    store.prepare()
    assert files(store) == [place.path], "a state is kept for longer than a day"
    assert place.read() == b"old"


def test_a_failed_write_keeps_the_old_state_and_leaves_no_other_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = store.unfinished(REF)
    place.write(b"old")

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        place.write(b"new")
    assert place.read() == b"old"
    assert files(store) == [place.path]


def test_a_process_that_lost_the_lease_cannot_write(store: Store) -> None:
    lease = store.leases.acquire(REF.key)
    assert lease is not None
    store.unfinished(REF, lease).write(b"held")
    store.leases.release(lease)
    assert store.leases.acquire(REF.key) is not None
    with pytest.raises(LeaseLost):
        store.unfinished(REF, lease).write(b"lost")
    assert store.unfinished(REF).read() == b"held"


def test_discarding_deletes_the_state(store: Store) -> None:
    place = store.unfinished(REF)
    place.discard()  # there may be none
    place.write(b"a state")
    place.discard()
    assert files(store) == []


def test_the_state_of_a_published_object_is_removed_at_the_next_launch(store: Store) -> None:
    place = store.unfinished(REF)
    place.write(b"a state")
    publish(store)  # and killed before it was discarded
    store.prepare()
    assert files(store) == []


def test_parts_are_separate_and_are_deleted_with_the_whole(store: Store) -> None:
    place = store.unfinished(REF)
    parts = [place.part("0-state"), place.part("10-state")]
    for content, part in enumerate(parts):
        part.write(bytes([content]))
    other = store.unfinished(dataclasses.replace(REF, key="f" * 64)).part("0-state")
    other.write(b"of another stage")
    assert [part.read() for part in parts] == [b"\0", b"\1"]
    assert place.read() is None
    store.prepare()
    assert len(files(store)) == 3
    place.discard()
    assert files(store) == [other.path]

    parts[0].write(b"a state")
    publish(store)  # and killed before it was discarded
    store.prepare()
    assert files(store) == [other.path]
