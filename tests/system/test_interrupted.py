"""Ctrl-C once, twice, SIGTERM, a killed worker: what was finished counts, the rest follows."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

OPEN_TRAINING = "kind in ('pretrain', 'finetune') and ended_at is null"


def test_interrupted_launches_keep_what_is_done_and_the_next_one_goes_on(
    folder: Path, undisturbed: Facts
) -> None:
    facts = Facts(folder / ".mood")
    n_cells = len(undisturbed.numbers())

    def launched() -> Driven:
        return Driven(folder, "launch", "small.yaml", "--workers", "1")

    # Ctrl-C once: the call that runs ends, nothing new begins.
    with launched() as driven:
        driven.until(lambda: facts.count("attempts", OPEN_TRAINING), "a training runs")
        worker = driven.suspend_busy_worker()
        code, output = mood_sweep(folder, "status", "--json")
        assert code == 0, output
        (status,) = json.loads(output)
        assert (status["sweep"], status["state"]) == ("small", "running")
        assert sum(status["cells"].values()) == n_cells
        assert len(status["running"]) == facts.count("attempts", "ended_at is null") == 1
        assert "running: " in mood_sweep(folder, "status")[1]
        driven.interrupt()
        driven.until(lambda: "Ctrl-C again stops at once" in driven.output, "it says so")
        worker.resume()
        assert driven.wait() == 130, driven.output
        assert "go on with: mood-sweep launch small.yaml" in driven.output
        assert "Traceback" not in driven.output
        assert driven.orphans() == []
    assert facts.outcomes()["done"] == facts.count("attempts") > 0
    assert facts.rows("select outcome from launches") == [("interrupted",)]
    assert facts.left_overs() == []

    # Twice: what runs is given up.
    with launched() as driven:
        driven.until(lambda: facts.count("attempts", "launch = 2 and ended_at is null"), "a call")
        worker = driven.suspend_busy_worker()
        driven.interrupt()
        driven.until(lambda: "Ctrl-C again stops at once" in driven.output, "it says so")
        driven.interrupt()
        assert driven.wait() == 130, driven.output
        assert "stopping now; finished work is kept" in driven.output
        assert "Traceback" not in driven.output
        assert driven.orphans() == []
    assert facts.outcomes()["abandoned"] == 1
    assert facts.left_overs(after_kill=True) == []

    # SIGTERM, as batch systems and containers send it.
    with launched() as driven:
        driven.until(lambda: facts.count("evaluations"), "the first row")
        driven.descendants()
        driven.process.send_signal(signal.SIGTERM)
        assert driven.wait() == 130, driven.output
        assert "stopping now; finished work is kept" in driven.output
        assert "Traceback" not in driven.output
        assert driven.orphans() == []
    assert 0 < facts.count("evaluations") < n_cells
    code, output = mood_sweep(folder, "status")
    assert code == 0
    assert "interrupted" in output

    # A worker dies: the launch goes on by itself.
    with launched() as driven:
        driven.until(driven.busy_workers, "a worker at work")
        for worker in driven.busy_workers():
            worker.kill()
        assert driven.wait() == 0, driven.output
        assert driven.orphans() == []
    (lost,) = facts.rows("select call_key, error from attempts where outcome = 'worker lost'")
    tries = f"select number, outcome from attempts where launch = 4 and call_key = '{lost[0]}'"
    assert sorted(facts.rows(tries)) == [(1, "worker lost"), (2, "done")]
    assert facts.rows("select outcome from launches order by id") == [
        ("interrupted",), ("interrupted",), ("interrupted",), ("done",)
    ]  # fmt: skip
    assert facts.numbers() == undisturbed.numbers()
    assert facts.done_more_than_once() == []
    assert facts.count("outbox", "done_at is null") == 0
    assert set(facts.mlflow_runs().values()) == {1}
