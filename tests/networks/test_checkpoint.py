from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mood_sweeps.bank import Head
from mood_sweeps.networks.checkpoint import Checkpoint, load

HEAD = Head(np.arange(12, dtype=np.float32).reshape(3, 4), np.ones(3, dtype=np.float32))
COLUMNS = Head(np.asfortranarray(HEAD.weight), HEAD.bias)  # column by column in memory


@pytest.mark.parametrize("head", [HEAD, COLUMNS, None], ids=["head", "columns", "headless"])
def test_round_trip(tmp_path: Path, head: Head | None) -> None:
    weights = {"a": torch.randn(3, 4), "norm.count": torch.tensor(7)}
    curves = [{"epoch": 1, "loss": 0.1 + 0.2}]
    saved = Checkpoint({"timm": "resnet18"}, weights, head, curves, {"loss": 1 / 3})
    saved.save(tmp_path / "new")
    loaded = load(tmp_path / "new")
    assert loaded.architecture == saved.architecture
    assert loaded.curves == curves
    assert loaded.summary == saved.summary
    assert loaded.weights.keys() == weights.keys()
    assert all(torch.equal(loaded.weights[name], weights[name]) for name in weights)
    if head is None:
        assert loaded.head is None
    else:
        assert loaded.head is not None
        np.testing.assert_array_equal(loaded.head.weight, head.weight)
        np.testing.assert_array_equal(loaded.head.bias, head.bias)


def test_the_files_are_as_documented(tmp_path: Path) -> None:
    Checkpoint({}, {"a": torch.zeros(1)}, HEAD).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint.json",
        "curves.json",
        "head.safetensors",
        "model.safetensors",
    ]
    Checkpoint({}, {"a": torch.zeros(1)}).save(tmp_path / "headless")
    assert not (tmp_path / "headless" / "head.safetensors").exists()


def test_equal_checkpoints_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Checkpoint({"b": 1, "a": 2}, {"w": torch.arange(6.0)}, HEAD).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
