from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import pytest
import safetensors.torch
import torch

from mood_sweeps.launching.explain import explain, find_cell
from mood_sweeps.launching.launch_result import LaunchResult
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import state_of
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.store import Ref
from mood_sweeps.tracking.training_lineage import training_stages
from tests.support.small_launches import plan_in, try_launch

SWEEP = """\
name: loaded
axes:
  pretext: [{file: {weights: weights/nano.safetensors}}]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt, pt+probe]
  scorer: [msp, knn]
  seed: [0, 1]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    network = build(describe(choose_backbone({"vit_nano": {"depth": 1, "width": 24}})))
    (tmp_path / "weights").mkdir()
    safetensors.torch.save_file(state_of(network), tmp_path / "weights" / "nano.safetensors")
    return tmp_path


def kinds(launched: LaunchResult) -> dict[str, int]:
    return launched.plan.stage_counts()


def test_a_file_of_weights_gives_rows_and_is_loaded_once(folder: Path) -> None:
    tried = try_launch(SWEEP, folder)
    assert tried.launched.failures == []
    assert kinds(tried.launched)["load"] == 1
    rows = tried.query("select finetune, scorer, seed, status, auroc from results order by 1, 2")
    label = [(finetune, scorer, seed, status) for finetune, scorer, seed, status, _ in rows]
    assert label == [
        ("pt", "knn", None, "done"),
        ("pt+probe", "knn", None, "done"),
        ("pt+probe", "msp", None, "done"),
    ]
    again = try_launch(SWEEP, folder)
    assert again.launched.stages_run == 0

    (folder / "weights" / "nano.safetensors").rename(folder / "other.safetensors")
    renamed = try_launch(SWEEP.replace("weights/nano", "other"), folder)
    assert renamed.launched.stages_run == 0
    assert renamed.query("select auroc from results where pretext like '%other%' order by 1")


def test_a_load_is_explained_and_shown_like_a_training(folder: Path) -> None:
    plan = plan_in(SWEEP, folder)
    cell = find_cell(plan, "pt,knn")
    tried = try_launch(SWEEP, folder)
    (load, *_) = explain(cell, None, tried.store)
    assert (load.kind, load.state) == ("load", "cached")
    chain = training_stages(tried.store, cell.representation.checkpoint.key)
    (stage,) = chain
    assert stage.name == "load"
    shown = stage.parameters()
    assert shown["load.backbone"] == "vit_nano"
    assert len(shown["load.weights.sha256"]) == 64
    assert (tried.store.folder(Ref("load", load.key)) / "model.safetensors").is_file()


def test_weights_that_do_not_fit_fail_with_one_line(folder: Path) -> None:
    tried = try_launch(SWEEP.replace("width: 24", "width: 48"), folder)
    (failure,) = tried.launched.failures
    assert "nano.safetensors (read as layout 'timm') has " in failure
    assert "\n" not in failure
    assert {row[0] for row in tried.query("select status from results")} <= {"skipped", "failed"}


def test_published_weights_offline_fail_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    text = SWEEP.replace("{file: {weights: weights/nano.safetensors}}", "augreg")
    text = text.replace("{vit_nano: {depth: 1, width: 24}}", "vit_tiny_patch16_224")
    tried = try_launch(text, tmp_path)
    (failure,) = tried.launched.failures
    assert "StageFailed: the weights vit_tiny_patch16_224.augreg_in21k cannot be fetched" in failure
    assert "name the file, weights: PATH" in failure
