from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.other_image_sizes import allow_other_sizes, features_at
from mood_sweeps.networks.timm_networks import build, describe


def network(raw: object) -> Any:
    torch.manual_seed(0)
    return build(describe(choose_backbone(raw))).eval()


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"])
@pytest.mark.parametrize("side", [32, 48, 80])
def test_positions_are_resampled_as_by_timm(name: str, side: int) -> None:
    ours = network({name: {"image_size": 48}})
    options = {"img_size": 48, "num_classes": 0}
    theirs = timm.create_model(name, dynamic_img_size=True, **options).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, side, side)
    assert allow_other_sizes(ours) == 16
    torch.testing.assert_close(features_at(ours, images), theirs(images), atol=1e-4, rtol=1e-4)


def test_weights_and_what_comes_out_at_its_own_size_stay() -> None:
    vit, images = network("vit_nano"), torch.randn(3, 1, 8, 8)
    weights = {name: tensor.clone() for name, tensor in vit.state_dict().items()}
    before = vit(images)
    assert allow_other_sizes(vit) == 2
    assert features_at(vit, images[:, :, :4, :4]).shape == (3, 48)
    torch.testing.assert_close(features_at(vit, images), before)
    assert torch.equal(vit(images), before)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vit.state_dict().items())


def test_positions_learn_from_images_of_another_size() -> None:
    vit = network("vit_nano")
    allow_other_sizes(vit)
    features_at(vit, torch.randn(3, 1, 4, 4)).square().sum().backward()
    assert vit.pos_embed.grad.abs().sum() > 0


def test_convolutions_take_any_size_and_windows_or_relative_positions_do_not() -> None:
    cnn, images = network("resnet_nano"), torch.randn(3, 1, 5, 5)
    assert allow_other_sizes(cnn) == 1
    assert torch.equal(features_at(cnn, images), cnn(images))
    for name in ("beit_base_patch16_224", "swin_tiny_patch4_window7_224"):
        with torch.device("meta"):
            other = timm.create_model(name)
        other.description = {"family": "vit" if name.startswith("beit") else "other"}
        assert allow_other_sizes(other) is None
