from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mood_sweeps.engine.attempt_logs.log_file import (
    HEAD_BYTES,
    TAIL_BYTES,
    LogFile,
    append_line,
    log_name,
    log_of_rank,
)
from mood_sweeps.engine.attempt_logs.old_logs import KEPT_DAYS, remove_old_logs
from mood_sweeps.redaction import Secrets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "1" / "a-1.log"


def test_a_name_tells_calls_and_attempts_apart_and_stays_short() -> None:
    group, plugin = "c99ea0d97e93aab7" * 4, "4e4b08adb91b334e"
    names = [log_name(key, 1) for key in (f"score-{group}", f"score-{group}-{plugin}", group)]
    assert names == [
        "score-c99ea0d97e93-1.log",
        "score-c99ea0d97e93-4e4b08adb91b-1.log",
        "c99ea0d97e93-1.log",
    ]
    assert log_of_rank(Path("l/a-2.log"), 3) == Path("l/a-2-rank3.log")


def test_lines_are_in_the_file_as_soon_as_they_end(path: Path) -> None:
    log = LogFile(path, Secrets())
    log.write(b"one\ntw")
    assert path.read_text() == "one\n"
    log.write(b"o\n")
    assert path.read_text() == "one\ntwo\n"
    log.write(b"no end")
    log.close()
    assert path.read_text() == "one\ntwo\nno end"


@pytest.mark.parametrize("piece", [997, 3 * HEAD_BYTES, 50 * HEAD_BYTES])
def test_of_too_much_the_beginning_and_the_end_are_kept_and_the_file_says_so(
    path: Path, piece: int
) -> None:
    line = b"%09d\n"
    n_lines = 6 * HEAD_BYTES // 10
    output = b"".join(line % number for number in range(n_lines))
    log = LogFile(path, Secrets())
    for start in range(0, len(output), piece):
        log.write(output[start : start + piece])
    assert path.stat().st_size <= HEAD_BYTES
    log.close()
    text = path.read_text()
    assert path.stat().st_size < HEAD_BYTES + TAIL_BYTES + 300
    assert text.startswith("000000000\n000000001\n")
    assert text.endswith(f"{n_lines - 1:09d}\n")
    (said,) = [text_line for text_line in text.splitlines() if "left out" in text_line]
    kept = len(text.encode()) - len(said.encode()) - 2
    assert int(said.split()[1].replace(",", "")) == len(output) - kept


def test_credentials_do_not_reach_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-ann")
    log = LogFile(path, Secrets("postgresql://ann:s3cret@host/db"))
    # In pieces that cut the secrets, and in the part that is kept for the end.
    for byte in b"postgresql://ann:s3cret@host/db and s3cret and t0ken-of-ann\n":
        log.write(bytes([byte]))
    log.write(b"x" * HEAD_BYTES + b"\n")
    log.write(b"s3cret\n" * (TAIL_BYTES // 2) + b"t0ken-of-ann")
    append_line(path, "not closed yet")
    log.close()
    text = path.read_text()
    assert "cret" not in text.replace("secret", "")
    assert "t0ken" not in text
    assert text.startswith("postgresql://***@host/db and *** and ***\n")


def test_a_place_that_cannot_be_written_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be")
    log = LogFile(tmp_path / "logs" / "1" / "a-1.log", Secrets())
    log.write(b"lost\n")
    log.close()
    append_line(tmp_path / "nowhere" / "a-1.log", "lost")
    assert os.listdir(tmp_path) == ["logs"]


def test_logs_of_old_launches_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("1", "2", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a-1.log").write_text("…")
    old = time.time() - (KEPT_DAYS + 1) * 86_400
    for name in ("1", "notes"):
        os.utime(tmp_path / name, (old, old))
    remove_old_logs(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["2", "notes"]
    remove_old_logs(tmp_path / "nowhere")
