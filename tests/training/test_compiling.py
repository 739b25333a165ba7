from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.data import image_set
from mood_sweeps.errors import InputError, StageFailed
from mood_sweeps.methods import PRETEXTS, choose_finetune
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.pretexts.objective import objective_of
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.methods.tokenizers.dvae_network import build_tokenizer, describe_tokenizer
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.timm_networks import build, describe
from mood_sweeps.training.compiling import blocks_of
from mood_sweeps.training.resume_state import ResumeState
from tests.support.killed_training import DiesInTheMiddle

CORPUS = image_set("digits:0-5").open("train").take(np.arange(256))

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the tests here, empty at first."""
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(autouse=True)
def elsewhere(kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty folder that a test runs in."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(kernels))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pretrained(
    pretext: str, backbone: Any, progress: ResumeState | None = None, **more: Any
) -> Checkpoint:
    task = choose({pretext: {"epochs": 2, "batch_size": 64, **more}}, PRETEXTS, "pretext")
    return pretrain(task, choose_backbone(backbone), CORPUS, 0, progress=progress)


def finetuned(progress: ResumeState | None = None, **more: Any) -> Checkpoint:
    vit = choose_backbone({"vit_nano": {"depth": 2}})
    start = pretrain(choose("random", PRETEXTS, "pretext"), vit, None, 0)
    given = {"epochs": 2, "batch_size": 64, "drop_path": 0.5, "ema": 0.9, **more}
    (stage,) = choose_finetune({"pt+ft": {"ft": given}})
    return finetune(stage, start, CORPUS, None, 0, progress=progress)


def same(first: Checkpoint, second: Checkpoint) -> bool:
    return first.curves == second.curves and all(
        torch.equal(first.weights[name], second.weights[name]) for name in first.weights
    )


def close(compiled: Checkpoint, plain: Checkpoint, rtol: float = 1e-4) -> bool:
    assert list(compiled.weights) == list(plain.weights)
    losses = [[record["loss"] for record in one.curves] for one in (compiled, plain)]
    return losses[0] == pytest.approx(losses[1], rel=rtol)


@pytest.mark.parametrize(
    ("pretext", "backbone", "expected"),
    [
        ("mim", "vit_nano", {"Block": 3}),
        ("mae", "vit_nano", {"Block": 3, "TransformerEncoderLayer": 1}),
        ("mocov3", "vit_nano", {"Block": 6}),
        ("dino", "resnet_nano", {"BasicBlock": 8}),
        ("classification", "swin_tiny_patch4_window7_224", {"SwinTransformerBlock": 12}),
        ("classification", "resnetv2_50x1_bit", {"PreActBottleneck": 16}),
    ],
)
def test_blocks_are_what_a_network_repeats(
    pretext: str, backbone: str, expected: dict[str, int]
) -> None:
    network = build(describe(choose_backbone(backbone)))
    form: Any = network.description["input"]
    example = torch.zeros(2, form["channels"], form["size"], form["size"])
    task = choose(pretext, PRETEXTS, "pretext").parameters
    blocks = blocks_of(objective_of(task, network, example, 6))
    assert Counter(type(one).__name__ for one in blocks) == expected


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="repeats none"):
        pretrained("classification", {"vgg11": {"image_size": 32}}, compile=True)


def test_a_tokenizer_has_blocks() -> None:
    network = build_tokenizer(
        describe_tokenizer(channels=1, patch_size=2, vocabulary=8, width=4, blocks=2)
    )
    assert len(blocks_of(network)) == 4


def test_without_a_compiler_a_stage_fails_in_a_line(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(elsewhere / "empty"))
    with (
        config.patch({"cpp.cxx": (None, "/nowhere/g++")}),
        pytest.raises(StageFailed, match=r"'compile: true'.*/nowhere/g\+\+.*CXX") as raised,
    ):
        pretrained("classification", {"vit_nano": {"depth": 1}}, compile=True)
    assert "\n" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_compiled_finetuning_draws_the_same(kernels: Path, elsewhere: Path) -> None:
    plain, compiled = finetuned(), finetuned(compile=True)
    assert list(kernels.rglob("*.so"))
    assert close(compiled, plain)
    # Half of the blocks are skipped: another draw would be another loss.
    assert not close(finetuned(drop_path=0.0), plain)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.system
def test_a_compiled_finetuning_goes_on_to_the_same_bits() -> None:
    compiled = finetuned(compile=True)
    kept = DiesInTheMiddle(5)
    with pytest.raises(KeyboardInterrupt):
        finetuned(ResumeState(kept, 0.0, share=math.inf), compile=True)
    assert same(finetuned(ResumeState(kept, 600.0), compile=True), compiled)


@pytest.mark.system
@pytest.mark.parametrize(
    ("pretext", "backbone"),
    [("dino", "vit_nano"), ("classification", "resnet_nano")],
)
def test_a_compiled_pretraining_is_close_and_goes_on_to_the_same_bits(
    pretext: str, backbone: str
) -> None:
    compiled = pretrained(pretext, backbone, compile=True)
    assert close(compiled, pretrained(pretext, backbone), rtol=1e-2)
    kept = DiesInTheMiddle(5)
    with pytest.raises(KeyboardInterrupt):
        pretrained(pretext, backbone, ResumeState(kept, 0.0, share=math.inf), compile=True)
    assert same(pretrained(pretext, backbone, ResumeState(kept, 600.0), compile=True), compiled)
