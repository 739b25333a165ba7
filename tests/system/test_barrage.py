"""Signals without end, from some moment of a launch on: an orderly end and not one traceback."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

PAUSE_S = 0.02
STOPPED = 130
UNTIDY = ("Traceback", "Exception ignored", "***", "Error")


def barrage(driven: Driven) -> int:
    """Send SIGTERM and Ctrl-C in turn until the process has ended; return its exit code."""
    for number in itertools.cycle((signal.SIGTERM, signal.SIGINT)):
        driven.descendants()
        if not driven.is_running:
            return driven.wait()
        if number == signal.SIGINT:
            driven.interrupt()
        else:
            driven.process.send_signal(number)
        time.sleep(PAUSE_S)
    raise AssertionError


def named(driven: Driven, name: str) -> bool:
    return any(name in shown for shown in driven.commands())


RAY = ("--executor", "ray", "--workers", "1")
INLINE = ("--executor", "inline")
MOMENTS: dict[str, tuple[tuple[str, ...], Callable[[Driven, Facts], object]]] = {
    "it listens for signals": (RAY, lambda driven, _: driven.listens),
    "Ray starts": (RAY, lambda driven, _: named(driven, "gcs_server")),
    "workers start": (RAY, lambda driven, _: named(driven, "ray::")),
    "a call runs": (RAY, lambda _, facts: facts.count("attempts", "ended_at is null")),
    "a training runs here": (
        INLINE,
        lambda _, facts: facts.count("attempts", "kind = 'pretrain' and ended_at is null"),
    ),
    "the end is written": (
        INLINE,
        lambda _, facts: facts.count("launches", "outcome = 'done'"),
    ),
}


def test_whenever_it_begins(folder: Path, undisturbed: Facts) -> None:
    facts = Facts(folder / ".mood")
    rows = 0
    for moment, (executor, has_come) in MOMENTS.items():
        with Driven(folder, "launch", "small.yaml", *executor) as driven:
            driven.until(lambda has=has_come, it=driven: has(it, facts), moment)  # type: ignore[misc]
            code = barrage(driven)
            assert driven.orphans() == [], moment
            output = driven.output
        assert not [word for word in UNTIDY if word in output], f"{moment}:\n{output}"
        # What has come to its end already may still say so.
        assert code in ((STOPPED, 0) if moment == "the end is written" else (STOPPED,)), output
        assert facts.count("evaluations") >= rows, moment
        rows = facts.count("evaluations")
    code, output = mood_sweep(folder, "launch", "small.yaml", *INLINE)
    assert code == 0, output
    assert facts.numbers() == undisturbed.numbers()
    assert facts.digests() == undisturbed.digests()
    assert facts.done_more_than_once() == []
    assert facts.left_overs(after_kill=True) == []
    assert facts.count("outbox", "done_at is null") == 0
