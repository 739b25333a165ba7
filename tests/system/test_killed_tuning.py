"""kill -9 in the middle of a search: it goes on with what is left, to the same bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.unfinished_work_files import kept_files
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

SWEEP = """\
name: tuned
axes:
  pretext: [random]
  backbone: [resnet_nano]
  finetune:
    - pt+ft:
        ft:
          epochs: 8
          tune:
            space: {learning_rate: {loguniform: [1e-4, 1e-1]}, label_smoothing: [0.0, 0.2]}
            samples: 5
            scheduler: halving
            reduction: 2
            grace: 2
  scorer: [msp]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""
LAUNCH = ("launch", "tuned.yaml", "--no-mlflow", "--keep-every", "0")
INLINE = (*LAUNCH, "--executor", "inline")
RAY = (*LAUNCH, "--workers", "1")


def laid_out(folder: Path, sweep: str = SWEEP) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tuned.yaml").write_text(sweep)
    return folder


def records(folder: Path) -> int:
    """Return how many trials came to a rung, past the package."""
    return sum(path.name.endswith("-record") for path in kept_files(folder))


def is_worker(process: psutil.Process) -> bool:
    return (
        process.is_running()
        and process.cmdline()[:1] != []
        and (process.cmdline()[0].startswith("ray::Worker"))
    )


def tuned(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Return the digest of the tuned checkpoint and its table of trials."""
    facts = Facts(folder / ".mood")
    ((digest,),) = facts.rows("select digest from stages where kind = 'finetune'")
    (table,) = (facts.home / "store" / "objects" / "finetune").rglob("trials.json")
    assert kept_files(folder) == []
    assert facts.left_overs() == []
    return digest, json.loads(table.read_text())


def test_inline_and_ray_killed_and_relaunched_agree(tmp_path: Path) -> None:
    undisturbed = laid_out(tmp_path / "whole")
    code, output = mood_sweep(undisturbed, *INLINE)
    assert code == 0, output
    whole = tuned(undisturbed)
    assert sorted(len(row["rungs"]) for row in whole[1]) == [1, 1, 1, 2, 3]

    alone = laid_out(tmp_path / "inline")
    with Driven(alone, *INLINE) as driven:
        driven.until(lambda: records(alone) == 3, "three trials came to a rung")
        driven.kill()
    code, output = mood_sweep(alone, *INLINE)
    assert code == 0, output
    assert tuned(alone) == whole

    folder = laid_out(tmp_path / "ray")
    facts = Facts(folder / ".mood")
    with Driven(folder, *RAY) as driven:
        driven.until(lambda: records(folder) >= 2, "two trials came to a rung")
        (worker,) = (each for each in driven.descendants() if is_worker(each))
        worker.kill()
        driven.until(lambda: facts.outcomes()["worker lost"], "the loss is noticed")
        driven.until(lambda: records(folder) >= 4, "the next worker went on")
        driven.kill()
        assert driven.orphans() == []
    assert kept_files(folder)
    code, output = mood_sweep(folder, *RAY)
    assert code == 0, output
    assert tuned(folder) == whole
    assert facts.rows("select outcome from launches order by id") == [("killed",), ("done",)]


def test_asha_runs_on_ray_and_says_that_chance_decides(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "asha", SWEEP.replace("halving", "asha"))
    code, output = mood_sweep(folder, *INLINE)
    assert code == 2
    assert "needs --executor ray" in output
    assert not (folder / ".mood").exists()

    code, output = mood_sweep(folder, *RAY)
    assert code == 0, output
    _, rows = tuned(folder)
    assert sum(row["is_winner"] for row in rows) == 1
    assert any(len(row["rungs"]) == 3 for row in rows)
    facts = Facts(folder / ".mood")
    by_chance = "weights tuned by asha, which are no function of their key"
    notes = facts.rows("select note from results")
    assert all(by_chance in note.split("; ") for (note,) in notes)
    assert all("tune=asha:" in label for (label,) in facts.rows("select finetune from results"))
