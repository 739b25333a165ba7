"""kill -9 of the driver, whatever it is doing: the same command goes on, and nothing is redone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.command_line import Driven, mood_sweep, until
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system


def test_the_same_command_converges_however_often_the_driver_is_killed(
    folder: Path, undisturbed: Facts
) -> None:
    facts = Facts(folder / ".mood")
    n_cells = len(undisturbed.numbers())
    written: dict[str, int] = {}

    def launched() -> Driven:
        return Driven(folder, "launch", "small.yaml", "--workers", "1")

    def after_kill(driven: Driven) -> None:
        driven.kill()
        assert driven.orphans() == []
        found = facts.manifests()
        assert {place: found[place] for place in written} == written
        written.update(found)

    with launched() as driven:
        training = "kind in ('pretrain', 'finetune') and ended_at is null"
        driven.until(lambda: facts.count("attempts", training), "a training runs")
        after_kill(driven)
        assert facts.count("evaluations") == 0
    code, output = mood_sweep(folder, "status", "--json")
    assert code == 0
    assert json.loads(output)[0]["state"] == "killed (its process is gone)"

    with launched() as driven:
        driven.until(lambda: facts.count("evaluations"), "the first row")
        after_kill(driven)
        assert 0 < facts.count("evaluations") < n_cells

    with launched() as driven:
        stop_between_scores_and_rows(driven, facts)
        after_kill(driven)
        orphaned = rowless_scores(facts)
        assert orphaned

    with launched() as driven:
        driven.until(lambda: not orphaned & rowless_scores(facts), "their rows are adopted")
        driven.until(lambda: facts.count("launches") == 4, "it has begun")
        driven.until(lambda: facts.count("evaluations") > n_cells - 25, "the last rows")
        after_kill(driven)

    with launched() as driven:
        assert driven.wait() == 0, driven.output
        assert "waiting for it" not in driven.output  # a dead holder's lease stalls no launch
        assert driven.orphans() == []
    assert facts.numbers() == undisturbed.numbers()
    assert facts.confusions() == undisturbed.confusions()
    assert facts.digests() == undisturbed.digests()
    assert facts.done_more_than_once() == []
    assert {place: facts.manifests()[place] for place in written} == written
    assert facts.rows("select outcome from launches order by id") == [
        ("killed",), ("killed",), ("killed",), ("killed",), ("done",)
    ]  # fmt: skip
    assert facts.left_overs(after_kill=True) == []

    assert facts.count("outbox", "done_at is null") == 0
    shown = facts.mlflow_runs()
    assert set(shown.values()) == {1}
    expected = {subject for subject in undisturbed.mlflow_runs() if subject[0] != "launch"}
    assert {subject for subject in shown if subject[0] != "launch"} == expected
    assert sum(kind == "launch" for kind, _ in shown) == facts.count("launches")


def stop_between_scores_and_rows(driven: Driven, facts: Facts) -> None:
    """Stop the driver where a worker's scores are in the store, their rows not in the database."""
    # Of this launch: until it has begun, those of the one killed before it are open.
    scoring = "launch = 3 and kind = 'score' and ended_at is null"
    while True:
        driven.until(lambda: facts.count("attempts", scoring), "a scoring runs")
        os.kill(driven.process.pid, signal.SIGSTOP)  # the worker goes on, if it has the call yet
        with contextlib.suppress(AssertionError):
            return until(lambda: rowless_scores(facts), "scores without a row", timeout_s=3)
        os.kill(driven.process.pid, signal.SIGCONT)


def rowless_scores(facts: Facts) -> set[str]:
    """Return the score objects of which the database holds no row."""
    with_row = {key for (key,) in facts.rows("select distinct object_key from evaluations")}
    kept = (facts.home / "store" / "objects" / "score").glob("*/*/*/manifest.json")
    return {path.parent.name for path in kept} - with_row
