from __future__ import annotations

from typing import Any

import pytest
import torch

from mood_sweeps.identity import canonical
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_networks import build, describe, feature_width, timm_kind


@pytest.mark.parametrize(
    ("raw", "shape", "width"),
    [
        ("vit_nano", (1, 8, 8), 48),
        ({"vit_nano": {"image_size": 16, "channels": 3}}, (3, 16, 16), 48),
        ("resnet_nano", (1, 8, 8), 128),
        ({"resnet_nano": {"width": 8}}, (1, 8, 8), 64),
        ({"resnet18": {"channels": 1}}, (1, 32, 32), 512),
        ({"vit_tiny_patch16_224": {"image_size": 32}}, (3, 32, 32), 192),
    ],
)
def test_networks_map_images_to_pooled_features(
    raw: object, shape: tuple[int, ...], width: int
) -> None:
    description = describe(choose_backbone(raw))
    network = build(description)
    features = network(torch.zeros(2, *shape))
    assert features.shape == (2, width)
    assert features.dtype == torch.float32
    assert feature_width(network, torch.zeros(3, *shape)) == width


def test_a_description_is_plain_data() -> None:
    for name in ("vit_nano", "resnet_nano", "vit_base_patch16_224", "resnet18"):
        canonical(describe(choose_backbone(name)))


def test_normalisation_and_size_are_the_architectures_own() -> None:
    assert describe(choose_backbone("vit_base_patch16_224"))["input"] == {
        "size": 224,
        "channels": 3,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    imagenet = describe(choose_backbone({"resnet18": {"image_size": 32}}))["input"]
    assert imagenet["mean"] == [0.485, 0.456, 0.406]
    assert imagenet["size"] == 32


def test_gray_input_takes_the_mean_of_the_channels() -> None:
    gray = describe(choose_backbone({"resnet18": {"channels": 1}}))["input"]
    assert gray["mean"] == pytest.approx([(0.485 + 0.456 + 0.406) / 3])


def test_the_small_stem_keeps_the_resolution() -> None:
    network = build(describe(choose_backbone("resnet_nano")))
    images = torch.zeros(2, 1, 8, 8)
    assert network.maxpool(network.conv1(images)).shape == (2, 16, 8, 8)


def test_a_nano_vit_sees_where_a_patch_is_from_the_start() -> None:
    images = torch.rand(64, 1, 8, 8)
    description = describe(choose_backbone("vit_nano"))
    plain = {**description, "options": {**description["options"], "sincos_positions": False}}

    def effect_of_moving_patches(description: dict[str, Any]) -> float:
        torch.manual_seed(0)
        network = build(description).eval()
        with torch.no_grad():
            return float((network(images) - network(images.roll(2, dims=3))).abs().mean())

    assert effect_of_moving_patches(description) > 4 * effect_of_moving_patches(plain)


def test_kinds_of_names_outside_the_list() -> None:
    assert timm_kind("resnet18") == "cnn"
    assert timm_kind("resnet_nano") is None
