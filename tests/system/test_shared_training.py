"""A training that two Ray workers share: the bits of one process, whichever of them is killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.unfinished_work_files import epochs_kept
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

SWEEP = """\
name: shared
axes:
  pretext: [{classification: {epochs: 30, accumulate: 2}}]
  backbone: [resnet_nano]
  finetune: [pt, {pt+ft: {ft: {epochs: 2, accumulate: 4, drop_path: 0.2}}}]
  scorer: [msp]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""
LAUNCH = ("launch", "shared.yaml", "--no-mlflow", "--keep-every", "0")
SHARED = (*LAUNCH, "--workers", "2", "--workers-per-training", "2")


def laid_out(folder: Path) -> Facts:
    folder.mkdir()
    (folder / "shared.yaml").write_text(SWEEP)
    return Facts(folder / ".mood")


def test_whoever_is_killed_the_others_and_the_next_come_to_the_same(tmp_path: Path) -> None:
    alone = laid_out(tmp_path / "alone")
    code, output = mood_sweep(alone.home.parent, *LAUNCH, "--executor", "inline")
    assert code == 0, output
    assert alone.outcomes()["done"] == 6

    folder = tmp_path / "shared"
    facts = laid_out(folder)
    with Driven(folder, *SHARED) as driven:

        def gone(doing: str, when: Callable[[], object]) -> psutil.Process:
            driven.until(lambda: when() and driven.busy_workers(doing), f"somebody is to {doing}")
            (worker,) = driven.busy_workers(doing)
            worker.kill()
            return worker

        gone("assist", lambda: epochs_kept(folder) > 1)
        driven.until(lambda: facts.outcomes()["worker lost"] == 1, "the loss is noticed")
        kept = epochs_kept(folder)
        assert kept > 1
        # The remaining worker waits for one that replaces the lost one.
        driven.until(lambda: epochs_kept(folder) > kept, "the training goes on")
        (leader,) = [*driven.busy_workers("lead"), *driven.busy_workers("run_call")]
        leader.kill()
        assert driven.wait() == 0, driven.output
    assert facts.outcomes() == {"worker lost": 2, "done": 6}
    assert facts.numbers() == alone.numbers()
    assert facts.digests() == alone.digests()
    assert facts.left_overs(after_kill=True) == []
    assert driven.orphans() == []
    workers = {
        json.loads(path.read_text())["measured"]["workers"]
        for path in (facts.home / "store" / "objects" / "finetune").rglob("manifest.json")
    }
    assert workers == {2.0}
