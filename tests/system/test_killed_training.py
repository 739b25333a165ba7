"""kill -9 in the middle of a training: it goes on from what was kept, to the same bits."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command_line import Driven, mood_sweep
from tests.support.unfinished_work_files import epochs_kept, kept_files
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

EPOCHS = 30
SWEEP = f"""\
name: long
axes:
  pretext: [{{classification: {{epochs: {EPOCHS}}}}}]
  backbone: [resnet_nano]
  finetune: [pt]
  scorer: [msp]
  seed: [0]
pairs:
  - {{id: digits:0-5, near: [digits:6-9], far: [gaussian]}}
"""
TUNED = f"""\
name: tuned
intermediate: strokes
axes:
  pretext: [random]
  backbone: [resnet_nano]
  finetune: [{{{{pt+{{stage}}: {{{{{{stage}}: {{{{epochs: {EPOCHS}{{more}}}}}}}}}}}}}}]
  scorer: [msp]
  seed: [0]
pairs:
  - {{{{id: digits:0-5, near: [digits:6-9], far: [gaussian]}}}}
"""
LAUNCH = ("launch", "long.yaml", "--no-mlflow", "--keep-every", "0")
INLINE = (*LAUNCH, "--executor", "inline")
RAY = (*LAUNCH, "--workers", "1")


@dataclass(frozen=True)
class Trained:
    """What a finished launch made of the one training: digest of its bytes, images it saw."""

    digest: str
    images: int


def laid_out(folder: Path, sweep: str = SWEEP) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "long.yaml").write_text(sweep)
    return folder


def trained(folder: Path, kind: str = "pretrain") -> Trained:
    facts = Facts(folder / ".mood")
    ((digest,),) = facts.rows(f"select digest from stages where kind = '{kind}'")
    (place,) = (facts.home / "store" / "objects" / kind).rglob("manifest.json")
    measured = json.loads(place.read_text())["measured"]
    assert kept_files(folder) == []
    assert facts.left_overs() == []
    return Trained(digest, round(measured["images_per_second"] * measured["training_seconds"]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return what the training comes to when nothing happens to it."""
    folder = laid_out(tmp_path_factory.mktemp("whole"))
    code, output = mood_sweep(folder, *INLINE)
    assert code == 0, output
    return trained(folder)


def went_on(folder: Path, whole: Trained, epochs: int, kind: str = "pretrain") -> None:
    """Check that a launch saw the images of the epochs that were left, and came to the same."""
    assert epochs > 0
    now = trained(folder, kind)
    assert now.digest == whole.digest
    assert now.images <= whole.images * (EPOCHS - epochs) // EPOCHS


def test_in_this_process(tmp_path: Path, whole: Trained) -> None:
    folder = laid_out(tmp_path / "killed")
    with Driven(folder, *INLINE) as driven:
        driven.until(lambda: epochs_kept(folder) > 1, "something is kept")
        driven.kill()
    epochs = epochs_kept(folder)
    damaged = {}
    for harm in ("truncated", "flipped"):
        damaged[harm] = tmp_path / harm
        shutil.copytree(folder, damaged[harm])
        (path,) = kept_files(damaged[harm])
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content if harm == "flipped" else content[: len(content) // 2])

    code, output = mood_sweep(folder, *INLINE)
    assert code == 0, output
    went_on(folder, whole, epochs)

    for harm, place in damaged.items():
        code, output = mood_sweep(place, *INLINE)
        assert code == 0, output
        assert trained(place) == whole, f"{harm}: not begun anew, or to other bits"


@pytest.mark.parametrize(
    ("stage", "more"),
    [
        ("ft", ""),
        ("inter", ""),
        ("ft:one_class", ""),
        ("ft:ssod", ""),
        ("ft:outlier_exposure", ", exposed: digits:6-9, k: 5"),
    ],
)
def test_a_fine_tuning_stage(tmp_path: Path, stage: str, more: str) -> None:
    sweep = TUNED.format(stage=stage, more=more)
    undisturbed = laid_out(tmp_path / "whole", sweep)
    code, output = mood_sweep(undisturbed, *INLINE)
    assert code == 0, output
    whole = trained(undisturbed, "finetune")

    folder = laid_out(tmp_path / "killed", sweep)
    with Driven(folder, *INLINE) as driven:
        driven.until(lambda: epochs_kept(folder) > 1, "something is kept")
        driven.kill()
    epochs = epochs_kept(folder)
    code, output = mood_sweep(folder, *INLINE)
    assert code == 0, output
    went_on(folder, whole, epochs, "finetune")


def test_on_ray_the_worker_and_then_the_driver(tmp_path: Path, whole: Trained) -> None:
    folder = laid_out(tmp_path / "killed")
    facts = Facts(folder / ".mood")

    def stop_worker(driven: Driven, epochs: int) -> int:
        """Kill the worker once more than so many epochs are kept; return how many are."""
        driven.until(lambda: epochs_kept(folder) > epochs, "more is kept")
        worker = driven.suspend_busy_worker()
        found = epochs_kept(folder)
        worker.kill()
        return found

    with Driven(folder, *RAY) as driven:
        first = stop_worker(driven, 1)
        driven.until(lambda: facts.outcomes()["worker lost"], "the loss is noticed")
        driven.until(lambda: epochs_kept(folder) > first, "the next worker went on")
        driven.kill()
        assert driven.orphans() == []
    second = epochs_kept(folder)
    assert second > first

    code, output = mood_sweep(folder, *RAY)
    assert code == 0, output
    went_on(folder, whole, second)
    assert facts.rows("select outcome from launches order by id") == [("killed",), ("done",)]
