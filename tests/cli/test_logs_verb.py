"""mood-sweep logs and run-call, on a sweep with a scorer that fails."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

import mood_sweeps as ms

PLUGIN = """\
import sys
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Stumbles:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    def fit(self, train, head):
        print("fitted on", len(train))
        print("postgresql://ann:s3cret@host/db", file=sys.stderr)
        return {"mean": train.features.mean(axis=0)}

    def score(self, state, bank):
        stone = 17
        raise ArithmeticError("stumbled over a stone")

SCORERS = {"stumbles": Stumbles}
"""
SWEEP = """\
name: lost
plugins: [plugin.py]
axes: {pretext: [random], backbone: [resnet_nano], finetune: [pt], scorer: [knn, stumbles]}
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a launch in it: one cell done, one failed."""
    folder = tmp_path_factory.mktemp("lost")
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "sweep.yaml").write_text(SWEEP)
    launched = ms.launch(
        folder / "sweep.yaml", home=folder / ".mood", executor="inline", mlflow=False
    )
    assert launched.cells == {"done": 1, "failed": 1}
    return folder


def attempts(folder: Path) -> list[dict[str, object]]:
    return [dict(row) for row in ms.open_results(folder / ".mood").attempts(1)]


def test_every_attempt_has_a_log_and_its_row_says_where(lost: Path) -> None:
    rows = attempts(lost)
    assert len({row["log"] for row in rows}) == len(rows)
    for row in rows:
        text = (lost / ".mood" / str(row["log"])).read_text()
        assert f"{row['kind']} {row['label']} begins on" in text
        assert f"call {row['call_key']}\n" in text
        assert f"{row['outcome']} after" in text


def test_the_log_of_a_cell_is_that_of_its_last_call(say, lost: Path) -> None:
    said = say(lost, "logs", "stumbles")
    assert said.code == 0
    assert "attempt 1 of launch 1: failed" in said.out
    assert "fitted on" in said.out
    assert 'File "plugin.py", line 18, in score' in said.out
    assert said.out.count("ArithmeticError: stumbled over a stone\n") == 2  # and in the traceback
    assert "s3cret" not in said.out
    assert "done after" in say(lost, "logs", "knn").out


def test_a_call_is_named_by_its_key_or_its_log(say, lost: Path) -> None:
    for row in attempts(lost):
        key, log = str(row["call_key"]), str(row["log"])
        for words in (key, f".mood/{log}"):
            said = say(lost, "logs", words)
            assert said.out.startswith(f"{row['kind']} {row['label']}\n"), said.err
    (pretrain,) = (str(row["call_key"]) for row in attempts(lost) if row["kind"] == "pretrain")
    # The extraction's key has the same digest in it.
    assert say(lost, "logs", pretrain[:8]).out.startswith("pretrain ")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("random,stumbls",), "did you mean 'stumbles'?"),
        (("0123456789ab",), "no call matches '0123456789ab', and no cell of 'lost' matches"),
        (("stumbles", "--attempt", "2"), "no such attempt; there are: 1 of launch 1"),
        (("stumbles", "--launch", "7"), "no such attempt; there are: 1 of launch 1"),
    ],
)
def test_what_is_not_there_is_bad_input(say, lost: Path, arguments, why: str) -> None:
    said = say(lost, "logs", *arguments)
    assert said.code == 2
    assert why in said.err


def test_a_log_that_is_not_here_says_who_wrote_it(say, lost: Path) -> None:
    row = next(row for row in attempts(lost) if row["kind"] == "extract")
    log = lost / ".mood" / str(row["log"])
    text = log.read_bytes()
    log.unlink()
    try:
        said = say(lost, "logs", str(row["call_key"]))
    finally:
        log.write_bytes(text)
    assert said.code == 2
    assert f"the worker {row['worker']} wrote it" in said.err


def test_a_failed_call_is_repeated_here_and_changes_no_row(say, lost: Path) -> None:
    key = next(str(row["call_key"]) for row in attempts(lost) if row["outcome"] == "failed")
    before = attempts(lost)
    said = say(lost, "run-call", key)
    assert said.code == 1
    assert "1 cells failed: plugin.py:18: scorer 'stumbles': ArithmeticError" in said.out
    assert 'File "plugin.py", line 18, in score' in said.out
    assert attempts(lost) == before


def test_the_debugger_opens_where_a_repeated_call_fails(
    say, lost: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = next(str(row["call_key"]) for row in attempts(lost) if row["outcome"] == "failed")
    monkeypatch.setattr(sys, "stdin", io.StringIO("p stone * 2\nq\n"))
    said = say(lost, "run-call", key, "--pdb")
    for name in [name for name in sys.modules if name.startswith("mood_sweeps_plugin")]:
        del sys.modules[name]  # other tests watch that no plugin is loaded here
    assert said.code == 1
    assert "34" in said.out


@pytest.mark.parametrize(
    ("kind", "why"), [("pretrain", "has made all that it makes"), (None, "no missing call has")]
)
def test_only_a_missing_call_can_be_repeated(say, lost: Path, kind: str | None, why: str) -> None:
    keys = [str(row["call_key"]) for row in attempts(lost) if row["kind"] == kind]
    said = say(lost, "run-call", *(keys or ["0123456789ab"]))
    assert said.code == 2
    assert why in said.err


def test_the_log_level_shows_records_on_standard_error(say, lost: Path) -> None:
    launch = ("launch", "sweep.yaml", "--executor", "inline", "--no-mlflow")
    said = say(lost, *launch, "--log-level", "info")
    assert "INFO mood_sweeps.launching.launch: launch 2 of lost: 1 calls" in said.err
    assert "INFO" not in say(lost, *launch).err
    assert say(lost, *launch, "--log-level", "loud").code == 2
