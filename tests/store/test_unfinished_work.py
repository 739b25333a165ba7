from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mood_sweeps.errors import LeaseLost
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


def test_what_was_written_last_is_read(store: Store) -> None:
    place = store.unfinished(REF)
    assert place.read() is None
    for content in (b"first", b"", b"second"):
        place.write(content)
        assert store.unfinished(REF).read() == content
    assert files(store) == [place.path]


def test_changed_bytes_are_nothing(store: Store) -> None:
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
def test_killed_while_writing_the_old_one_stays_and_the_rest_goes_after_a_day(
    store: Store, moment: str
) -> None:
    place = store.unfinished(REF)
    place.write(b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(place.path), moment])
    assert ended.returncode == -signal.SIGKILL
    assert place.read() == b"old"
    (aside,) = set(files(store)) - {place.path}
    store.prepare()
    assert aside.exists()
    a_day_ago = time.time() - DAY_S - 60
    for path in (aside, place.path):
        os.utime(path, (a_day_ago, a_day_ago))
    store.prepare()
    assert files(store) == [place.path], "a state is worth keeping for longer"
    assert place.read() == b"old"


def test_a_write_that_fails_leaves_the_old_one_and_nothing_aside(
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


def test_who_lost_the_lease_writes_nothing(store: Store) -> None:
    lease = store.leases.acquire(REF.key)
    assert lease is not None
    store.unfinished(REF, lease).write(b"held")
    store.leases.release(lease)
    assert store.leases.acquire(REF.key) is not None
    with pytest.raises(LeaseLost):
        store.unfinished(REF, lease).write(b"lost")
    assert store.unfinished(REF).read() == b"held"


def test_it_is_forgotten_when_the_work_is_done(store: Store) -> None:
    place = store.unfinished(REF)
    place.discard()  # there may be none
    place.write(b"a state")
    place.discard()
    assert files(store) == []


def test_a_state_of_what_is_published_by_now_goes_with_the_next_launch(store: Store) -> None:
    place = store.unfinished(REF)
    place.write(b"a state")
    publish(store)  # and killed before it was discarded
    store.prepare()
    assert files(store) == []


def test_parts_lie_beside_it_and_go_with_it(store: Store) -> None:
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
