from __future__ import annotations

import argparse
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from timm.models import load_state_dict as timm_load_state_dict

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.identity import canonical
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint, load, state_of
from mood_sweeps.networks.timm_networks import build
from mood_sweeps.networks.weights.load_checkpoint import load_file
from tests.support.weight_files import (
    BEIT,
    DINO_V2,
    IMAGES,
    VIT,
    beit_fine_tuned,
    beit_pretrained,
    features,
    mmpretrain,
    moco_v3,
    network_of,
)


def file_of(value: Any, folder: Path) -> Path:
    path = folder / "weights.pth.tar"
    torch.save(value, path)
    return path


def features_by(checkpoint: Checkpoint, images: torch.Tensor = IMAGES) -> torch.Tensor:
    network = build(checkpoint.architecture).eval()
    network.load_state_dict(checkpoint.weights)
    return features(network, images)


def assert_same(checkpoint: Checkpoint, network: Any, images: torch.Tensor = IMAGES) -> None:
    expected = features(network, images)
    assert expected.std() > 1e-3
    assert torch.equal(features_by(checkpoint, images), expected)
    canonical(checkpoint.architecture)


IMAGENET, HALF = [0.485, 0.456, 0.406], [0.5] * 3


@pytest.mark.parametrize("encoder", ["base_encoder", "momentum_encoder"])
def test_moco_v3(encoder: str, tmp_path: Path) -> None:
    network = network_of(VIT)
    path = file_of(moco_v3(network.state_dict(), encoder), tmp_path)
    checkpoint = load_file(path, VIT)
    assert_same(checkpoint, network)
    assert checkpoint.head is None
    described = checkpoint.architecture
    assert described["loaded"]["layout"] == "mocov3"
    assert described["pooling"] == "token"
    assert described["input"]["mean"] == IMAGENET
    assert described["input"]["interpolation"] == "bilinear"
    left_out = described["loaded"]["left_out"]
    assert left_out.pop("predictor") == 1
    assert sum(left_out.values()) == 2 + len(network.state_dict()) * (encoder == "base_encoder")


def test_beit_pretrained(tmp_path: Path) -> None:
    network = network_of(BEIT)
    state = network.state_dict()
    table = "attn.relative_position_bias_table"
    path = file_of(beit_pretrained(state), tmp_path)
    state[f"blocks.1.{table}"].copy_(state[f"blocks.0.{table}"])
    state["fc_norm.weight"].fill_(1)
    state["fc_norm.bias"].fill_(0)
    checkpoint = load_file(path, BEIT)
    assert_same(checkpoint, network)
    assert checkpoint.architecture["loaded"]["layout"] == "beit"
    assert checkpoint.architecture["pooling"] == "avg"
    assert checkpoint.architecture["input"]["mean"] == HALF


def test_beit_fine_tuned_is_headless_unless_its_classes_are_asked_for(tmp_path: Path) -> None:
    network = network_of(BEIT)
    found = beit_fine_tuned(network.state_dict())
    path = file_of(found, tmp_path)
    checkpoint = load_file(path, BEIT)
    assert_same(checkpoint, network)
    assert checkpoint.head is None
    assert checkpoint.architecture["loaded"]["left_out"] == {"blocks": 2, "head": 2}
    with_head = load_file(path, BEIT, classes=21841)
    assert with_head.head is not None
    assert torch.equal(torch.from_numpy(with_head.head.weight), found["model"]["head.weight"])
    with pytest.raises(
        InputError, match="a classifier of 6 classes is asked for, and its has 2184"
    ):
        load_file(path, BEIT, classes=6)


@pytest.mark.parametrize(
    ("backbone", "options", "mean"),
    [
        (VIT, {}, IMAGENET),
        (VIT, {"global_pool": "avg"}, IMAGENET),
        (BEIT, {}, HALF),
        (DINO_V2, {}, IMAGENET),
    ],
    ids=["vit", "vit with a mean token", "beit", "dinov2"],
)
def test_mmpretrain(
    backbone: Choice, options: dict[str, Any], mean: list[float], tmp_path: Path
) -> None:
    network = network_of(backbone, **options)
    checkpoint = load_file(file_of(mmpretrain(network.state_dict()), tmp_path), backbone)
    size = checkpoint.architecture["input"]["size"]
    assert_same(checkpoint, network, IMAGES[..., :size, :size])
    assert checkpoint.architecture["loaded"]["layout"] == "mmpretrain"
    assert checkpoint.architecture["input"]["mean"] == mean


@pytest.mark.parametrize("key", [None, "state_dict", "model", "model_ema"])
def test_names_of_timm(key: str | None, tmp_path: Path) -> None:
    network = network_of(VIT)
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    state |= {"decoder_pred.weight": torch.rand(2, 2), "mask_token": torch.rand(1, 1, 24)}
    arguments = argparse.Namespace(lr=1e-3)
    found = state if key is None else {key: state, "args": arguments, "epoch": 3}
    checkpoint = load_file(file_of(found, tmp_path), VIT)
    assert_same(checkpoint, network)
    assert checkpoint.architecture["input"]["mean"] == HALF  # timm's for this architecture


def averaged_and_raw() -> tuple[Any, Any]:
    torch.manual_seed(1)
    raw, average = network_of(VIT), network_of(VIT)
    with torch.no_grad():
        for value in average.parameters():
            value.add_(0.05 * torch.randn_like(value))
    return raw, average


@pytest.mark.parametrize(
    ("raw_key", "average_key"),
    [
        ("state_dict", "state_dict_ema"),  # timm
        ("model", "model_ema"),  # DeiT, ConvNeXt, torchvision
        ("model", "ema"),
        ("model_state_dict", "ema_state_dict"),
        ("net", "ema_model"),
        ("state_dict", "ema_weights"),
        ("state_dict", "swa_state_dict"),
        ("model", "swa_model"),
        ("model", "averaged_model"),
    ],
)
@pytest.mark.parametrize("average_first", [True, False])
def test_of_raw_and_averaged_weights_the_average_is_taken_as_timm_does(
    raw_key: str, average_key: str, average_first: bool, tmp_path: Path
) -> None:
    raw, average = averaged_and_raw()
    both = [(raw_key, raw.state_dict()), (average_key, average.state_dict())]
    path = file_of(dict(both[::-1] if average_first else both) | {"epoch": 3}, tmp_path)
    taken = load_file(path, VIT)
    assert_same(taken, average)
    assert taken.architecture["loaded"]["taken"] == average_key
    assert taken.architecture["loaded"]["others"] == [raw_key]
    assert_same(load_file(path, VIT, averaged=False), raw)
    if average_key in ("state_dict_ema", "model_ema"):
        by_timm = timm_load_state_dict(str(path))
        assert torch.equal(by_timm["cls_token"], taken.weights["cls_token"])


def test_weights_under_an_unknown_name_are_named(tmp_path: Path) -> None:
    raw, average = averaged_and_raw()
    for entry in (average.state_dict(), {"weights": average.state_dict(), "decay": 0.9}):
        found = {"state_dict": raw.state_dict(), "my_mean": entry, "optimizer": {"lr": 1.0}}
        taken = load_file(file_of(found, tmp_path), VIT)
        assert_same(taken, raw)
        assert taken.architecture["loaded"]["others"] == ["my_mean"]


def test_an_average_is_found_inside_what_keeps_it(tmp_path: Path) -> None:
    raw, average = averaged_and_raw()
    kept = torch.optim.swa_utils.AveragedModel(average)
    for ema in (
        kept.state_dict(),
        {"module": average.state_dict(), "decay": 0.99},
        {"shadow": average.state_dict(), "num_updates": 7},
        {"state_dict": average.state_dict()},
    ):
        path = file_of({"model": raw.state_dict(), "model_ema": ema}, tmp_path)
        assert_same(load_file(path, VIT), average)
        path = file_of({"model": {"state_dict": raw.state_dict(), "ema": ema}}, tmp_path)
        assert_same(load_file(path, VIT), average)
        assert_same(load_file(path, VIT, averaged=False), raw)


def test_of_one_kind_of_weights_that_one_is_taken(tmp_path: Path) -> None:
    raw, average = averaged_and_raw()
    for nothing in (None, {}, 0.9999, {"decay": 0.9999}):
        path = file_of({"state_dict": raw.state_dict(), "state_dict_ema": nothing}, tmp_path)
        for averaged in (True, False):
            assert_same(load_file(path, VIT, averaged=averaged), raw)
    path = file_of({"state_dict_ema": average.state_dict()}, tmp_path)
    assert_same(load_file(path, VIT), average)
    with pytest.raises(InputError, match=r"no raw weights, only their average \(state_dict_ema\)"):
        load_file(path, VIT, averaged=False)


def test_an_average_that_does_not_fit_names_itself_and_the_way_out(tmp_path: Path) -> None:
    raw, average = averaged_and_raw()
    part = {name: value for name, value in average.state_dict().items() if "blocks.1" not in name}
    path = file_of({"state_dict": raw.state_dict(), "state_dict_ema": part}, tmp_path)
    with pytest.raises(InputError, match=r"'state_dict_ema', the average; .* lacks"):
        load_file(path, VIT)
    assert_same(load_file(path, VIT, averaged=False), raw)


def test_safetensors_and_half_precision(tmp_path: Path) -> None:
    network = network_of(VIT).half()
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(state_of(network), path)
    assert_same(load_file(path, VIT), network.float())


def test_our_own_checkpoints_are_files_of_weights(tmp_path: Path) -> None:
    backbone = choose_backbone("vit_nano")
    network = network_of(backbone)
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(state_of(network), path)
    checkpoint = load_file(path, backbone)
    assert_same(checkpoint, network, IMAGES[:, :1, :8, :8])
    assert "crop" not in checkpoint.architecture["input"]
    checkpoint.save(tmp_path / "object")
    assert_same(load(tmp_path / "object"), network, IMAGES[:, :1, :8, :8])


def test_transforms_that_are_not_the_files_own(tmp_path: Path) -> None:
    path = file_of(moco_v3(network_of(VIT).state_dict()), tmp_path)

    def form(transform: str) -> dict[str, Any]:
        return load_file(path, VIT, transform=transform).architecture["input"]

    assert form("moodv2") == {"size": 32, "channels": 3, "mean": HALF, "std": HALF}
    assert form("half") == {**form("own"), "mean": HALF, "std": HALF}
    assert form("imagenet") == form("own")


Spoil = Callable[[dict[str, torch.Tensor]], Any]


def _without(state: dict[str, torch.Tensor]) -> None:
    del state["blocks.1.attn.qkv.weight"], state["norm.bias"]


def _with_more(state: dict[str, torch.Tensor]) -> None:
    state["blocks.2.norm1.weight"] = torch.rand(24)


def _of_other_shape(state: dict[str, torch.Tensor]) -> None:
    state["pos_embed"] = torch.rand(1, 197, 24)


def _not_a_number(state: dict[str, torch.Tensor]) -> None:
    state["norm.weight"][3] = torch.nan


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without, "lacks blocks.1.attn.qkv.weight, norm.bias of the backbone"),
        (_with_more, "holds blocks.2.norm1.weight, which the backbone has not"),
        (
            _of_other_shape,
            r"has pos_embed of shape \(1, 197, 24\), the backbone wants \(1, 5, 24\)",
        ),
        (_not_a_number, "has norm.weight with values that are no finite numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    spoil: Spoil, message: str, tmp_path: Path
) -> None:
    state = dict(network_of(VIT).state_dict())
    spoil(state)
    path = file_of({"model": state}, tmp_path)
    with pytest.raises(InputError, match=rf"weights\.pth\.tar \(read as layout 'timm'\) {message}"):
        load_file(path, VIT)


def test_weights_of_another_network_say_what_is_there_instead(tmp_path: Path) -> None:
    path = file_of({"conv1.weight": torch.rand(3), "conv1.bias": torch.rand(3)}, tmp_path)
    with pytest.raises(InputError, match=r"and 26 more of the backbone; it has conv1\.w"):
        load_file(path, VIT)


def test_a_layout_that_is_asked_for_is_taken_at_its_word(tmp_path: Path) -> None:
    path = file_of(network_of(VIT).state_dict(), tmp_path)
    with pytest.raises(InputError, match="has neither 'base_encoder' nor 'momentum_encoder'"):
        load_file(path, VIT, "mocov3")


class Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_hostile_file_is_refused_and_not_run(is_zip: bool, tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "weights.pth"
    found = {"model": network_of(VIT).state_dict(), "args": Hostile(marker)}
    torch.save(found, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(
        InputError, match=r"weights\.pth is refused: reading it would call \w*\.system"
    ):
        load_file(path, VIT)
    assert not marker.exists()
    with path.open("rb") as file, pytest.raises(Exception):  # noqa: B017, PT011
        torch.load(file, weights_only=True)


def test_a_plain_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "weights.pkl"
    path.write_bytes(pickle.dumps(Hostile(marker), protocol=2))
    with pytest.raises(InputError, match=r"weights\.pkl is refused"):
        load_file(path, VIT)
    assert not marker.exists()


@pytest.mark.parametrize("is_safe", [True, False])
@pytest.mark.parametrize("share", [0.99, 0.5, 0.01])
def test_a_truncated_file_is_refused(is_safe: bool, share: float, tmp_path: Path) -> None:
    state = state_of(network_of(VIT))
    path = tmp_path / "weights"
    if is_safe:
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="weights is cut short or damaged: "):
        load_file(path, VIT)


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x89PNG\r\n\x1a\n0000"])
def test_what_is_no_file_of_weights_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is neither a safetensors file nor a torch file"):
        load_file(path, VIT)


@pytest.mark.parametrize("found", [{"epoch": 3}, [1, 2], {"state_dict": {"a": 1}}])
def test_a_file_without_weights_says_what_it_has(found: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no weights by name"):
        load_file(file_of(found, tmp_path), VIT)
