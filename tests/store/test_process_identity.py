from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mood_sweeps.store import process_identity as process_module
from mood_sweeps.store.process_identity import Process, this_process


def test_this_process_lives() -> None:
    assert this_process().pid == os.getpid()
    assert this_process().can_be_seen
    assert not this_process().is_surely_dead()


def test_a_process_comes_back_from_plain_data() -> None:
    assert Process(**this_process().as_dict()) == this_process()


def test_every_process_reads_the_same_start_time() -> None:
    script = "from mood_sweeps.store.process_identity import _start_time; print(_start_time(%d))"
    output = subprocess.check_output([sys.executable, "-c", script % os.getpid()], text=True)
    assert float(output) == this_process().started


def test_a_process_name_with_parentheses_is_parsed(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    fields = [f"{number}" for number in range(3, 53)]
    stat.write_text(f"1 (evil) name) {' '.join(fields)}\n")
    real = Path

    def redirected(path: str) -> Path:
        return stat if path == "/proc/1/stat" else real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_module, "Path", redirected)
        assert process_module._start_time(1) == 22.0


def test_another_hosts_process_is_never_surely_dead() -> None:
    elsewhere = dataclasses.replace(this_process(), host="elsewhere", pid=2**22 + 1, boot="0")
    assert not elsewhere.can_be_seen
    assert not elsewhere.is_surely_dead()
