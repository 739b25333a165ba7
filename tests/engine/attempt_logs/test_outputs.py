"""What a process prints and logs during an attempt is in its log, and nowhere twice."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mood_sweeps.engine.attempt_logs.attempt_log import AttemptLog
from mood_sweeps.engine.attempt_logs.teed_output import TeedOutput

OURS = logging.getLogger("mood_sweeps.any")
THEIRS = logging.getLogger("a.library")


def say_something() -> None:
    print("printed")
    print("to standard error", file=sys.stderr)
    OURS.debug("too small a matter")
    OURS.info("for the log")
    THEIRS.info("of no interest")
    THEIRS.warning("a library warns")


def in_another_thread() -> None:
    thread = threading.Thread(target=OURS.info, args=("of another thread",))
    thread.start()
    thread.join()


def test_this_process_shows_what_it_prints_and_logs_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "1" / "a-1.log"
    before = sys.stdout, sys.stderr, logging.getLogger("mood_sweeps").level
    with TeedOutput().into(log, "info") as write:
        say_something()
        in_another_thread()
        write("for the log alone\n")
        assert sys.stdout.isatty() is False  # everything else is the stream's own
    OURS.info("after the attempt")
    assert before == (sys.stdout, sys.stderr, logging.getLogger("mood_sweeps").level)
    text = log.read_text()
    for said in ("printed\n", "to standard error\n", "INFO mood_sweeps.any: for the log\n"):
        assert text.count(said) == 1
    assert text.count("WARNING a.library: a library warns\n") == 1
    assert text.endswith("for the log alone\n")
    for unsaid in ("too small", "of no interest", "another thread", "after"):
        assert unsaid not in text
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("printed\n", "to standard error\n")
    # Handlers of the program's own get what they asked for: by default, warnings.
    assert [record.getMessage() for record in caplog.records] == ["a library warns"]


WORKER = """\
import logging, os, subprocess, sys, threading
from pathlib import Path
from mood_sweeps.engine.attempt_logs.captured_output import WATCH, CapturedOutput

folder = Path(sys.argv[1])
ours, theirs = logging.getLogger("mood_sweeps.any"), logging.getLogger("a.library")
output = CapturedOutput()


def in_worker(log):
    with output.into(folder / log, "info") as write:
        print("printed")
        print("to standard error", file=sys.stderr)
        ours.debug("too small a matter")
        ours.info("for the log")
        theirs.warning("a library warns")
        thread = threading.Thread(target=ours.info, args=("of another thread",))
        thread.start()
        thread.join()
        os.write(1, b"native\\n")
        subprocess.run(["echo", "of a child"], check=True)
        write("for the log alone\\n")
        print("no end of a line", end="")
"""
SAID = [
    "printed",
    "to standard error",
    "INFO mood_sweeps.any: for the log",
    "WARNING a.library: a library warns",
    "INFO mood_sweeps.any: of another thread",
    "native",
    "of a child",
    "for the log alone",
    "no end of a line",
]


def run_worker(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WORKER + code, str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.system
def test_a_worker_logs_native_code_child_processes_and_every_thread(tmp_path: Path) -> None:
    code = "in_worker('a-1.log')\nprint('between')\nin_worker('b-1.log')\n"
    ended = run_worker(tmp_path, code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "between\n", "")
    for log in ("a-1.log", "b-1.log"):
        lines = (tmp_path / log).read_text().splitlines()
        assert len(lines) == len(SAID)
        assert all(line.endswith(said) for line, said in zip(lines, SAID, strict=True))


def test_an_attempt_that_is_cut_short_says_so(tmp_path: Path) -> None:
    log = tmp_path / "a-1.log"
    with pytest.raises(KeyboardInterrupt), AttemptLog(TeedOutput(), log).opened("info"):
        raise KeyboardInterrupt
    assert "cut short by KeyboardInterrupt" in log.read_text()


@pytest.mark.system
def test_what_a_killed_worker_printed_is_in_its_log(tmp_path: Path) -> None:
    code = """
import signal
with output.into(folder / "a-1.log", "info"):
    print("before the end")
    os.write(2, b"last words, without an end of the line")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_worker(tmp_path, code).returncode == -signal.SIGKILL
    expected = "before the end\nlast words, without an end of the line"
    log = tmp_path / "a-1.log"
    until = time.monotonic() + 30  # the process that writes ends after the worker
    while (not log.exists() or log.read_text() != expected) and time.monotonic() < until:
        time.sleep(0.01)
    assert log.read_text() == expected


@pytest.mark.system
def test_a_worker_goes_on_without_the_process_that_writes_its_logs(tmp_path: Path) -> None:
    code = """
with output.into(folder / "a-1.log", "info"):
    output._process.kill()
    (watch,) = [one for one in threading.enumerate() if one.name == WATCH]
    watch.join()
    print("into nothing")
in_worker("b-1.log")
"""
    ended = run_worker(tmp_path, code)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len((tmp_path / "b-1.log").read_text().splitlines()) == len(SAID)
