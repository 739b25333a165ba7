"""A backbone of a plugin that breaks its contract is refused, with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError, StageFailed
from mood_sweeps.identity import key_of
from mood_sweeps.networks.build_network import build, describe
from mood_sweeps.networks.user_networks import build_user_network, describe_user_network
from mood_sweeps.plugins.backbone_contract import check_choice
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.plugins.load_plugin import load_catalogues
from tests.support.planned_sweeps import read
from tests.support.user_backbones import BACKBONE

SWEEP = """\
name: mine
plugins: [small.py]
axes: {pretext: [random], backbone: [ITEM], finetune: [pt], scorer: [knn]}
pairs: [{id: id:abc, far: [ood:xyz]}]
"""


def checked(text: str, **parameters: int) -> None:
    """Load and check a plugin's text as its own process does, in this one."""
    plugin = Plugin("file", "small.py", key_of(text), text)
    kinds = load_catalogues(plugin)["backbones"]
    check_choice(plugin.digest, choose({"small": parameters}, kinds, "backbone"))


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ('"cnn"', '"vit"', "'family' must be ClassVar[str], one of cnn, other"),
        ("    version: ClassVar[int] = 1\n", "", "'version' must be ClassVar[int]"),
        ("def build", "def make", "'build' must be a method build() -> torch.nn.Module"),
        ("int] = 8", "int] = -8", "'image_size' must be the side"),
        ("int] = 1\n    mean", "int] = 2\n    mean", "'channels' must be 1 (gray) or 3"),
        ("(0.25,)", "(0.0,)", "'std' must be a tuple of numbers above 0"),
        ("frozen=True", "", "the dataclass must be frozen"),
    ],
)
def test_a_class_that_breaks_a_promise_is_named_with_its_line(
    old: str, new: str, phrase: str
) -> None:
    text = BACKBONE.replace(old, new)
    assert text != BACKBONE
    with pytest.raises(InputError) as caught:
        checked(text)
    line = text[: text.index("class Small")].count("\n")  # of the decorator
    assert f"plugin 'small.py', line {line}, backbone 'small': {phrase}" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ("return Net(self.width)", "return 3", "build() returns an int, not a torch.nn.Module"),
        ('"linear"', '"liner"', "no module 'liner', which 'head' names; did you mean 'linear'?"),
        ('"linear"', '"conv"', "'head' names 'conv', a Conv2d, not a torch.nn.Linear"),
        ('= "linear"', '= ""\n    crop = 2', "'crop' must be None"),
        ("(0.5,)", "(0.5, 0.5, 0.5)", "'mean' must have one number per channel, 1"),
        (".mean(dim=(2, 3))", "", "float32 of shape (2, 12, 3, 3) for two images, not features"),
        (".mean(dim=(2, 3))", ".flatten(1)", "shape (2, 108) for two images, not features (2, 12)"),
        ("Conv2d(1,", "Conv2d(3,", "does not take images of shape (2, 1, 8, 8): RuntimeError"),
        ("dim=(2, 3)", "dim=(2, 3), dtype=torch.float64", "float64 of shape (2, 12)"),
        ("return self.linear(", "return (", "before its head 'linear'"),
    ],
)
def test_a_network_that_cannot_be_used_is_refused(old: str, new: str, phrase: str) -> None:
    text = BACKBONE.replace(old, new)
    assert text != BACKBONE
    if phrase == "before its head 'linear'":
        checked(text)  # a head that nothing calls changes no feature
        return
    with pytest.raises(InputError) as caught:
        checked(text)
    assert phrase in str(caught.value)


def test_no_other_process_builds_a_network_of_a_plugin() -> None:
    description = {"plugin": {"digest": "f" * 64, "name": "small", "parameters": {}}}
    with pytest.raises(StageFailed, match="its code runs only in its own process"):
        build(description)


def test_the_network_gives_the_input_of_its_head_and_reads_plain_memory() -> None:
    import torch

    checked(BACKBONE, width=5)
    digest = key_of(BACKBONE)
    network = build_user_network(describe_user_network(digest, "small", {"width": 5}))
    images = torch.rand(4, 1, 8, 8).to(memory_format=torch.channels_last)
    features = network.eval()(images)
    expected = network.norm(network.conv(images.contiguous())).relu().mean(dim=(2, 3))
    assert features.shape == (4, 5)
    assert torch.allclose(features, expected, atol=1e-6)


def test_a_sweep_names_what_is_wrong_with_a_plugin_backbone_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(BACKBONE)
    (choice,) = read(SWEEP.replace("ITEM", "{small: {width: 5}}"), tmp_path).backbones
    assert choice.label == "small(width=5)"
    assert len(choice.digest) == 64
    with pytest.raises(StageFailed, match="own process"):  # its code is not here
        describe(choice)
    for item, phrase in {
        "{small: {depth: 5}}": "backbone 'small' has no parameter 'depth'; did you mean 'width'?",
        "smal": "unknown backbone 'smal'",
        "{small: {width: -1}}": "small.py:11: backbone 'small(width=-1)': ",
    }.items():
        with pytest.raises(InputError) as caught:
            read(SWEEP.replace("ITEM", item), tmp_path)
        (problem,) = caught.value.problems
        assert problem.where.endswith(":3")
        assert phrase in problem.message
    (tmp_path / "small.py").write_text(BACKBONE.replace('"small"', '"resnet_nano"'))
    with pytest.raises(InputError, match="the package has a backbone 'resnet_nano' already"):
        read(SWEEP.replace("ITEM", "resnet_nano"), tmp_path)
