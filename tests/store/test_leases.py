from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.store import leases as leases_module
from mood_sweeps.store.leases import TTL_S, Leases
from mood_sweeps.store.process_identity import Process, this_process
from tests.support.store_objects import other_holder


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    return Leases(tmp_path / "leases")


def write_by_hand(leases_folder: Path, holder: Process | None, silent_s: float = 0.0) -> Path:
    """Write a lease on ``name`` as another process would; half of one if there is no holder."""
    path = leases_folder / "name.json"
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"token": "theirs", "holder": holder.as_dict() if holder else None})
    path.write_text(text if holder else text[:12])
    os.utime(path, (time.time() - silent_s,) * 2)
    return path


def visible(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_lease_is_exclusive_until_given_back(leases: Leases, tmp_path: Path) -> None:
    others = Leases(tmp_path / "leases")
    lease = leases.acquire("name")
    assert lease is not None
    lease.check()
    assert others.acquire("name") is None
    assert leases.acquire("name") is None
    assert others.holder("name") == this_process()
    assert not others.holder_is_gone("name")
    assert others.acquire("another") is not None
    leases.release(lease)
    with pytest.raises(LeaseLost):
        lease.check()
    again = others.acquire("name")
    assert again is not None
    assert again.token != lease.token
    assert visible(tmp_path / "leases") == ["another.json", "name.json"]


def test_only_the_leases_of_dead_holders_are_removed(leases: Leases, tmp_path: Path) -> None:
    living = leases.acquire("living")
    assert living is not None
    gone = dataclasses.replace(this_process(), pid=2**22 + 1)
    write_by_hand(tmp_path / "leases", gone)
    leases.remove_dead()
    assert visible(tmp_path / "leases") == ["living.json"]
    living.check()
    Leases(tmp_path / "nothing").remove_dead()


def test_closing_gives_every_lease_back(leases: Leases, tmp_path: Path) -> None:
    assert leases.acquire("one")
    assert leases.acquire("two")
    leases.close()
    assert visible(tmp_path / "leases") == []
    assert leases.holder("one") is None
    assert not leases.holder_is_gone("one")


def test_a_living_holder_is_respected_and_a_killed_one_replaced_at_once(
    leases: Leases, tmp_path: Path
) -> None:
    with other_holder(tmp_path / "leases", "name") as process:
        assert leases.acquire("name") is None
        holder = leases.holder("name")
        assert holder is not None
        assert holder.pid == process.pid
        process.kill()
        process.wait()
        assert leases.holder_is_gone("name")
        lease = leases.acquire("name")
    assert lease is not None
    lease.check()
    assert visible(tmp_path / "leases") == ["name.json"]


def test_a_killed_holder_is_dead_before_its_parent_waits_for_it(
    leases: Leases, tmp_path: Path
) -> None:
    with other_holder(tmp_path / "leases", "name") as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
        assert leases.acquire("name") is not None


def test_a_living_holder_on_this_host_keeps_its_lease_without_heartbeats(
    leases: Leases, tmp_path: Path
) -> None:
    write_by_hand(tmp_path / "leases", this_process(), silent_s=100 * TTL_S)
    assert leases.acquire("name") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"started": this_process().started - 1},  # the pid is used by another process now
        {"pid": 2**22 + 1},  # above every pid
        {"boot": "0 " + this_process().boot.partition(" ")[2]},  # before the machine restarted
        {"boot": "0 pid:[1]"},
    ],
)
def test_a_dead_holder_on_this_host_is_replaced_despite_a_fresh_heartbeat(
    leases: Leases, tmp_path: Path, changes: dict[str, Any]
) -> None:
    write_by_hand(tmp_path / "leases", dataclasses.replace(this_process(), **changes))
    assert leases.acquire("name") is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "elsewhere"},
        # A container with the same host name: its pids mean nothing here.
        {"pid": 2**22 + 1, "boot": this_process().boot.partition(" ")[0] + " pid:[1]"},
    ],
)
def test_a_holder_that_is_not_visible_is_judged_by_its_heartbeat(
    leases: Leases, tmp_path: Path, changes: dict[str, Any]
) -> None:
    holder = dataclasses.replace(this_process(), **changes)
    assert not holder.is_surely_dead()
    write_by_hand(tmp_path / "leases", holder, silent_s=TTL_S - 10)
    assert leases.acquire("name") is None
    write_by_hand(tmp_path / "leases", holder, silent_s=TTL_S + 10)
    assert leases.acquire("name") is not None


def test_half_a_lease_is_respected_for_a_moment(leases: Leases, tmp_path: Path) -> None:
    write_by_hand(tmp_path / "leases", None)
    assert leases.holder("name") is None
    assert leases.acquire("name") is None
    write_by_hand(tmp_path / "leases", None, silent_s=5)
    assert leases.acquire("name") is not None


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"token": "x", "holder": {}}'])
def test_an_invalid_lease_file_is_replaced(leases: Leases, tmp_path: Path, content: bytes) -> None:
    path = write_by_hand(tmp_path / "leases", None)
    path.write_bytes(content)
    os.utime(path, (1.0, 1.0))
    assert leases.acquire("name") is not None


def test_a_lease_that_was_taken_over_is_lost(leases: Leases, tmp_path: Path) -> None:
    lease = leases.acquire("name")
    assert lease is not None
    write_by_hand(tmp_path / "leases", dataclasses.replace(this_process(), pid=2**22 + 1))
    with pytest.raises(LeaseLost, match="taken over"):
        lease.check()
    successor = Leases(tmp_path / "leases").acquire("name")
    assert successor is not None
    leases.release(lease)  # does nothing
    leases.close()
    successor.check()


def test_a_process_that_dies_while_taking_over_is_replaced_too(
    leases: Leases, tmp_path: Path
) -> None:
    dead = dataclasses.replace(this_process(), pid=2**22 + 1)
    path = write_by_hand(tmp_path / "leases", dead)
    holding = leases_module._read_lease_file(path)
    assert holding is not None
    claim = path.with_name(f"name.{holding.mark}.json")
    claim.write_text(json.dumps({"token": "claim", "holder": this_process().as_dict()}))
    assert leases.acquire("name") is None  # a living process is replacing it
    claim.write_text(json.dumps({"token": "claim", "holder": dead.as_dict()}))
    assert leases.acquire("name") is not None
    assert visible(tmp_path / "leases") == ["name.json"]


def test_heartbeats_renew_only_leases_that_are_held(
    leases: Leases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "HEARTBEAT_S", 0.01)
    held, lost = leases.acquire("held"), leases.acquire("name")
    assert held is not None
    assert lost is not None
    elsewhere = dataclasses.replace(this_process(), host="elsewhere")
    path = write_by_hand(tmp_path / "leases", elsewhere, silent_s=1000)
    os.utime(held.path, (1.0, 1.0))
    deadline = time.monotonic() + 10
    while Path(held.path).stat().st_mtime == 1.0 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert Path(held.path).stat().st_mtime > 1.0
    assert time.time() - path.stat().st_mtime > 900
    leases.close()


def test_of_many_that_replace_one_dead_holder_one_wins(tmp_path: Path) -> None:
    folder = tmp_path / "leases"
    for _ in range(30):
        write_by_hand(folder, dataclasses.replace(this_process(), pid=2**22 + 1))
        start = threading.Barrier(4)
        won: list[str] = []

        def contend(start: threading.Barrier = start, won: list[str] = won) -> None:
            start.wait()
            lease = Leases(folder).acquire("name")
            if lease is not None:
                won.append(lease.token)

        threads = [threading.Thread(target=contend) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert json.loads((folder / "name.json").read_text())["token"] == won[0]
        assert visible(folder) == ["name.json"]


CONTEND = """\
import os, sys, time
from pathlib import Path
from mood_sweeps.store.leases import Leases
folder, until = Path(sys.argv[1]), time.time() + float(sys.argv[2])
leases, held = Leases(folder / "leases"), 0
while time.time() < until:
    lease = leases.acquire("name")
    if lease is None:
        continue
    inside = os.open(folder / "inside", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    lease.check()
    os.close(inside)
    os.unlink(folder / "inside")
    held += 1
    if sys.argv[3] == "dies" and held == 5:
        os.kill(os.getpid(), 9)
    leases.release(lease)
print(held)
"""


def test_processes_that_contend_for_one_lease_never_hold_it_together(tmp_path: Path) -> None:
    """Each makes a file exclusively while it holds the lease: two holders would collide.

    Some die holding it, so that the others take over as fast as they can.
    """
    (tmp_path / "leases").mkdir()
    kinds = ["lives", "lives", "dies", "dies"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CONTEND, str(tmp_path), "1.5", kind],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in kinds
    ]
    outputs = [process.communicate() for process in processes]
    for kind, process, (_, errors) in zip(kinds, processes, outputs, strict=True):
        assert process.returncode == (0 if kind == "lives" else -9), errors
    assert all(
        int(out) > 10 for kind, (out, _) in zip(kinds, outputs, strict=True) if kind == "lives"
    )
