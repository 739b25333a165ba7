"""The same command again, an empty database, a failing scorer, a full disk: through the verbs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

TINY = """\
name: tiny
axes:
  pretext: [random]
  backbone: [vit_nano, resnet_nano]
  finetune: [pt, {pt+ft: {ft: {epochs: 1}}}]
  scorer: [msp, knn]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""
INLINE = ("--executor", "inline")
TELLING = """
import atexit, sys
atexit.register(lambda: print("imported:", *sorted({name.split(".")[0] for name in sys.modules})))
from mood_sweeps.cli.main import main
main()
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Return a folder with tiny.yaml: four representations, some seconds."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


def test_the_same_command_again_touches_nothing(undisturbed: Facts) -> None:
    folder = undisturbed.home.parent
    before = undisturbed.everything(), undisturbed.manifests(), undisturbed.mlflow_runs()
    began = time.monotonic()
    # With Ray, as by default: it is never started.
    command = [sys.executable, "-c", TELLING, "launch", "small.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    print(f"a relaunch with nothing to do took {time.monotonic() - began:.1f} s")
    assert done.returncode == 0, done.stderr
    assert "136 of 136 cells done; 0 stages run" in done.stdout
    after = undisturbed.everything(), undisturbed.manifests(), undisturbed.mlflow_runs()
    assert before == after
    imported = set(done.stdout.rpartition("imported:")[2].split())
    assert "sqlalchemy" in imported
    assert not imported & {"ray", "mlflow", "torch", "timm", "pandas", "sklearn", "alembic"}


def test_a_new_database_fills_from_the_store_and_mlflow_keeps_its_runs(tiny: Path) -> None:
    facts = Facts(tiny / ".mood")
    code, output = mood_sweep(tiny, "launch", "tiny.yaml", *INLINE)
    assert code == 0, output
    numbers, runs, made = facts.numbers(), facts.mlflow_runs(), facts.manifests()
    digests = facts.digests()
    assert set(runs.values()) == {1}
    for file in facts.home.glob("results.db*"):
        file.unlink()
    code, output = mood_sweep(tiny, "launch", "tiny.yaml")
    assert code == 0, output
    assert f"0 stages run, {len(numbers)} rows adopted from the store" in output
    assert facts.numbers() == numbers
    assert facts.digests() == digests
    assert facts.manifests() == made
    assert facts.count("attempts") == 0
    assert facts.count("outbox", "done_at is null") == 0
    assert facts.mlflow_runs() == runs


PLUGIN = """\
import sys
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Mine:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    def fit(self, train, head):
        return {"mean": train.features.mean(axis=0)}

    def score(self, state, bank):
        FAILS
        return -((bank.features - state["mean"]) ** 2).sum(axis=1)


SCORERS = {"mine": Mine}
"""
FAILURES = {
    "raise ValueError('half a \\ud800 and a \\0')": "ValueError: half a \\ud800 and a \\0",
    "sys.exit(7)": "SystemExit: 7",
}


def test_a_scorer_that_fails_on_workers_loses_only_its_own_cells(tiny: Path) -> None:
    facts = Facts(tiny / ".mood")
    code, output = mood_sweep(tiny, "launch", "tiny.yaml", "--no-mlflow", *INLINE)
    assert code == 0, output
    before = facts.numbers()
    text = TINY.replace("name: tiny", "name: tiny\nplugins: [mine.py]").replace(
        "knn]", "knn, mine]"
    )
    (tiny / "tiny.yaml").write_text(text)
    executors = [("--workers", "1"), INLINE]
    for launch, (failure, error), executor in zip((2, 3), FAILURES.items(), executors, strict=True):
        (tiny / "mine.py").write_text(PLUGIN.replace("FAILS", failure))
        code, output = mood_sweep(tiny, "launch", "tiny.yaml", "--no-mlflow", *executor)
        assert code == 1, output
        assert output.count(f": mine.py:16: scorer 'mine': {error}; log: ") == output.count(error)
        assert "6 of 10 cells done" in output
        tried = facts.rows(f"select kind, outcome, traceback from attempts where launch = {launch}")
        assert {(kind, outcome) for kind, outcome, _ in tried} == {("score", "failed")}
        assert all(failure.split("(")[0] in traceback for _, _, traceback in tried)
        assert all('File "mine.py", line 16' in traceback for _, _, traceback in tried)
        code, output = mood_sweep(
            *(tiny, "results", "--status", "failed", "--columns", "scorer,reason"),
            *("--format", "csv", "--out", "lost.csv"),
        )
        assert code == 0, output
        assert (tiny / "lost.csv").read_text().splitlines()[1:] == [
            f"mine,mine.py:16: scorer 'mine': {error}"
        ] * 4
        code, output = mood_sweep(tiny, "status")
        assert code == 0
        assert "4 failed" in output
        assert error in output

    (tiny / "mine.py").write_text(PLUGIN.replace("FAILS", "pass"))
    code, output = mood_sweep(tiny, "launch", "tiny.yaml", "--no-mlflow", *INLINE)
    assert code == 0, output
    tried = facts.rows("select kind, outcome, units from attempts where launch = 4")
    assert tried == [("score", "done", 1)] * 4
    assert set(before) <= set(facts.numbers())


def test_a_full_disk_fails_what_does_not_fit_and_heals(tiny: Path) -> None:
    facts = Facts(tiny / ".mood")

    def little_room() -> None:
        # A checkpoint of resnet_nano is larger, everything else is smaller.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, 1_200_000))

    arguments = ("launch", "tiny.yaml", "--no-mlflow", *INLINE)
    with Driven(tiny, *arguments, before=little_room) as driven:
        assert driven.wait() == 1, driven.output
        assert "3 of 6 cells done" in driven.output
        assert "failed: pretrain random · resnet_nano" in driven.output
    failed = facts.rows("select error from attempts where outcome = 'failed'")
    assert failed
    assert facts.count("results", "status = 'done'") == facts.count("results") // 2
    assert facts.left_overs() == []

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    with Driven(tiny, *arguments, before=no_room) as driven:
        assert driven.wait() in (1, 2), driven.output
        assert "Traceback" not in driven.output
        assert [line for line in driven.output.splitlines() if "error: " in line]

    code, output = mood_sweep(tiny, *arguments)
    assert code == 0, output
    assert facts.count("results", "status = 'done'") == facts.count("results")
    assert facts.done_more_than_once() == []
    assert facts.left_overs() == []


def test_a_store_whose_every_byte_changed_heals_in_one_launch(tiny: Path) -> None:
    facts = Facts(tiny / ".mood")
    arguments = ("launch", "tiny.yaml", "--no-mlflow", *INLINE)
    code, output = mood_sweep(tiny, *arguments)
    assert code == 0, output
    digests = facts.digests()
    for file in (facts.home / "store" / "objects").rglob("*.safetensors"):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    before = facts.numbers()
    one_more = ("--set", "axes.scorer=[msp, knn, mahalanobis]")
    code, output = mood_sweep(tiny, *arguments, *one_more)
    assert code == 0, output
    assert "ALARM" not in output
    assert "10 of 10 cells done" in output
    assert {row[0] for row in before} < {row[0] for row in facts.numbers()}
    assert facts.digests() == digests
    assert len(list((facts.home / "store" / "quarantine").iterdir())) == len(digests) + 4
