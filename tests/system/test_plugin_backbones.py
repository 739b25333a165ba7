"""A user's backbone is trained, loaded, fine-tuned and extracted, as torch alone does it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors.torch
import torch

from mood_sweeps.data import image_set
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.store.codecs import load_bank
from tests.support.small_launches import OPTIONS, try_launch
from tests.support.user_backbones import BACKBONE

pytestmark = pytest.mark.system

SWEEP = """\
name: mine
corpus: digits:0-5
plugins: [small.py]
axes:
  pretext: [random, {file: {weights: weights.pt, head: "digits:0-5"}}]
  backbone: [small]
  finetune: [pt, {pt+ft: {ft: {epochs: 1, preset: nano}}}]
  scorer: [msp, knn]
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""


def user_network() -> torch.nn.Module:
    module = ModuleType("user")
    exec(compile(BACKBONE.replace("@dataclass(frozen=True)", ""), "user", "exec"), vars(module))
    torch.manual_seed(3)
    network: torch.nn.Module = module.Net(12)
    return network.eval()


def test_a_launch_with_a_backbone_of_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(BACKBONE)
    network = user_network()
    torch.save({"state_dict": network.state_dict()}, tmp_path / "weights.pt")
    launched = try_launch(SWEEP, tmp_path)
    rows = launched.query("select pretext, finetune, scorer, auroc from results")
    assert len(rows) == 7  # all but MSP of the headless random network
    assert all(row[3] is not None for row in rows)

    store = launched.store
    (loaded,) = store.refs("load")
    weights = safetensors.torch.load_file(store.folder(loaded) / "model.safetensors")
    assert all(torch.equal(weights[name], network.state_dict()[name]) for name in weights)
    images = image_set("digits:0-5").open("test")
    pixels = (torch.from_numpy(images.images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    with torch.no_grad():
        logits = network(pixels.contiguous()).numpy()
    banks = [load_bank(store.folder(ref)) for ref in store.refs("extract")]
    same = [
        bank
        for bank in banks
        if bank.logits is not None
        and bank.logits.shape == logits.shape
        and np.allclose(bank.logits, logits, atol=1e-5)
    ]
    assert len(same) == 1
    assert np.array_equal(same[0].labels, images.labels)


@pytest.mark.parametrize(
    ("trouble", "phrase"),
    [
        ("raise ArithmeticError('a stone')", "small.py:17: pretrain random"),
        ("import os; os._exit(3)", "ended its process with exit code 3"),
        ("while True: pass", "gave no result within 5 s"),
        ("return self.linear(images.new_full((len(images), 12), float('nan')))", "finite"),
    ],
)
def test_a_network_that_fails_later_is_one_failure_that_names_its_line(
    tmp_path: Path, trouble: str, phrase: str
) -> None:
    lines = BACKBONE.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "pixels = " in line)
    # Two images are the check before anything starts.
    lines.insert(at, f"        if len(images) > 2:\n            {trouble}\n")
    (tmp_path / "small.py").write_text("".join(lines))
    text = SWEEP.replace(', {file: {weights: weights.pt, head: "digits:0-5"}}', "")
    text = text.replace(", {pt+ft: {ft: {epochs: 1, preset: nano}}}", "")
    options = dataclasses.replace(OPTIONS, worker=WorkerSettings(plugin_timeout_s=5.0))
    launched = try_launch(text, tmp_path, options=options)
    failures = launched.query("select error from attempts where error <> ''")
    assert len(failures) == 1
    ((error,),) = failures
    assert "small.py:" in error
    assert phrase in error
