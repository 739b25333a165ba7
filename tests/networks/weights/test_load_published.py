from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import pytest
import safetensors.torch
import timm
import torch

from mood_sweeps.errors import StageFailed
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build
from mood_sweeps.networks.weights.load_checkpoint import load_published

TAG = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
VIT = choose_backbone("vit_tiny_patch16_224")


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model(TAG, pretrained=False).eval()


@pytest.fixture(scope="module")
def file(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hub") / "model.safetensors"
    safetensors.torch.save_file(network.state_dict(), path)
    return path


def test_published_weights_come_through_timm_with_all_that_is_their_own(
    network: torch.nn.Module, file: Path
) -> None:
    checkpoint = load_published(TAG, VIT, file=file)
    described = checkpoint.architecture
    assert described["timm"] == TAG
    assert described["pooling"] == "token"
    assert described["input"] == {
        "size": 224,
        "channels": 3,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
        "interpolation": "bicubic",
        "crop": 0.9,
        "squash": False,
    }
    assert checkpoint.head is None
    images = torch.rand(2, 3, 224, 224)
    loaded = build(described).eval()
    loaded.load_state_dict(checkpoint.weights)
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(images), pre_logits=True)
        assert torch.equal(loaded(images), expected)


def test_their_classifier_is_the_head_where_it_is_asked_for(
    network: torch.nn.Module, file: Path
) -> None:
    head = load_published(TAG, VIT, with_head=True, file=file).head
    assert head is not None
    assert torch.equal(torch.from_numpy(head.weight), network.head.weight)


def test_another_image_size_resamples_positions(file: Path) -> None:
    small = choose_backbone({"vit_tiny_patch16_224": {"image_size": 64}})
    checkpoint = load_published(TAG, small, file=file)
    assert checkpoint.weights["pos_embed"].shape == (1, 17, 192)
    assert checkpoint.architecture["input"]["size"] == 64


def test_the_moodv2_transform_is_the_same_for_every_model(file: Path) -> None:
    checkpoint = load_published(TAG, VIT, "moodv2", file=file)
    assert checkpoint.architecture["input"] == {
        "size": 224,
        "channels": 3,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }


def test_weights_that_timm_does_not_expect_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({"norm.weight": torch.rand(192)}, path)
    with pytest.raises(StageFailed, match=f"{TAG} are not what timm expects: .*cls_token"):
        load_published(TAG, VIT, file=path)


def test_without_a_network_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(StageFailed) as caught:
        load_published(TAG, VIT, revision="0123abc")
    message = str(caught.value)
    assert message.startswith(f"the weights {TAG} cannot be fetched (")
    assert message.endswith("and name the file, weights: PATH")
    assert "\n" not in message
