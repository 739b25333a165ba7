"""The pretext task ``random`` is a fair baseline: its networks see every pixel of every image."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mood_sweeps.choice import choose
from mood_sweeps.methods import PRETEXTS
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.timm_networks import build
from mood_sweeps.networks.untrained_networks import make_images_differ

RANDOM = choose("random", PRETEXTS, "pretext")
BACKBONES: dict[str, int | None] = {
    "vit_nano": None,
    "resnet_nano": None,
    "test_resnet": 32,
    "resnet18": 32,
    "resnet50": 32,
    "resnetv2_18": 32,
    "resnext26ts": 64,
    "seresnet18": 32,
    "res2net50_26w_4s": 32,
    "resnest26d": 32,
    "skresnet18": 32,
    "densenet121": 32,
    "mobilenetv3_small_050": 32,
    "efficientnet_b0": 32,
    "regnetx_002": 32,
    "regnety_002": 32,
    "tresnet_m": 32,
    "cs3darknet_s": 32,
    "repvit_m0_9": 32,
    "repvgg_a0": 32,
    "repvgg_b0": 32,
    "convmixer_768_32": 28,
    "convnext_atto": 32,
    "convnextv2_atto": 32,
    "test_nfnet": 32,
    "inception_next_atto": 32,
    "rdnet_tiny": 32,
    "vit_tiny_patch16_224": 32,
    "vit_small_patch14_dinov2": 56,
    "deit_tiny_patch16_224": 32,
    "deit3_small_patch16_224": 32,
    "test_vit_relpos": 32,
    "eva02_tiny_patch14_224": 28,
    "swin_tiny_patch4_window7_224": 56,
    "swinv2_tiny_window8_256": 64,
    "mixer_s32_224": 64,
    "resmlp_12_224": 64,
    "cait_xxs24_224": 32,
    "xcit_nano_12_p8_224": 32,
    "poolformer_s12": 32,
    "levit_128s": 64,
    "efficientvit_m0": 64,
    "shvit_s1": 64,
}
"""A small one of every family, with a side that is quick."""

ITSELF_WITHOUT = [
    ("resnet18", {"zero_init_last": False}),
    ("regnety_002", {"zero_init_last": False}),
    ("convnext_atto", {"ls_init_value": 1.0}),
    ("cait_xxs24_224", {"init_values": 1.0}),
    ("vit_small_patch14_dinov2", {"init_values": 1.0}),
]
"""Architectures, and how timm itself is told not to shut their blocks."""

pytestmark = pytest.mark.usefixtures("one_thread")


def untrained(name: str, size: int | None, seed: int = 0) -> Checkpoint:
    raw = name if size is None else {name: {"image_size": size}}
    return pretrain(RANDOM, choose_backbone(raw), None, seed)


def network_of(checkpoint: Checkpoint) -> Any:
    network = build(checkpoint.architecture)
    network.load_state_dict(checkpoint.weights)
    return network.eval()


@pytest.mark.parametrize("name", BACKBONES)
def test_every_pixel_moves_the_features_and_noise_images_differ(name: str) -> None:
    checkpoint = untrained(name, BACKBONES[name])
    form = checkpoint.architecture["input"]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(
        4, form["channels"], form["size"], form["size"], generator=generator, requires_grad=True
    )
    features = network_of(checkpoint)(images)
    assert features.isfinite().all()
    squares = torch.zeros(form["size"], form["size"])
    for _ in range(4):  # random mixtures of the features, so that none cancels out
        mixture = (features * torch.randn(features.shape, generator=generator)).sum()
        (gradient,) = torch.autograd.grad(mixture, images, retain_graph=True)
        squares += gradient.square().sum(dim=(0, 1))
    moved = squares.sqrt()
    assert moved.min() > 3e-4 * moved.max()
    spread = features.std(dim=0).square().mean().sqrt()
    assert spread > 3e-4 * features.square().mean().sqrt()


def relative_spread(features: torch.Tensor) -> float:
    return float(features.std(dim=0).norm() / features.square().mean(dim=0).sqrt().norm())


@pytest.mark.parametrize("name", ["repvgg_a0", "repvgg_b0", "convmixer_768_32"])
def test_where_biases_drown_the_image_batch_norm_measures_noise(name: str) -> None:
    checkpoint = untrained(name, 32)
    again = untrained(name, 32)
    assert all(torch.equal(again.weights[at], value) for at, value in checkpoint.weights.items())
    assert checkpoint.findings == ()
    network = network_of(checkpoint)
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        assert relative_spread(network(images)) > 1e-4
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.reset_running_stats()
        assert relative_spread(network(images)) < 1e-6  # what it was


@pytest.mark.parametrize("name", ["resnet_nano", "densenet121", "ghostnet_050", "starnet_s1"])
def test_batch_norm_of_networks_that_see_stays_as_it_was(name: str) -> None:
    for at, value in untrained(name, None if name == "resnet_nano" else 32).weights.items():
        if "running_" in at:
            assert torch.equal(value, torch.full_like(value, float("var" in at)))


def test_an_untrained_network_that_stays_blind_says_so() -> None:
    network = build(untrained("resnet_nano", None).architecture)
    with torch.no_grad():
        network.get_parameter("conv1.weight").zero_()
    (finding,) = make_images_differ(network)
    assert finding.startswith("features of noise images hardly differ (relative spread ")


@pytest.mark.parametrize("name", ["resnet_nano", "convnext_atto", "test_nfnet", "rdnet_tiny"])
def test_every_layer_has_a_part_in_the_features(name: str) -> None:
    checkpoint = untrained(name, BACKBONES[name])
    form = checkpoint.architecture["input"]
    network = network_of(checkpoint)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, form["channels"], form["size"], form["size"], generator=generator)
    features = network(images)
    (features * torch.randn(features.shape, generator=generator)).sum().backward()
    layers = [module for module in network.modules() if hasattr(module, "weight")]
    acts = [
        float(layer.weight.grad.norm() * layer.weight.detach().norm())
        for layer in layers
        if layer.weight.ndim > 1 and layer.weight.grad is not None
    ]
    assert len(acts) > 5
    assert min(acts) > 1e-4 * max(acts)


@pytest.mark.parametrize(("name", "options"), ITSELF_WITHOUT)
def test_weights_are_those_of_timm_that_leaves_blocks_open(
    name: str, options: dict[str, Any]
) -> None:
    checkpoint = untrained(name, BACKBONES[name], seed=3)
    with_options = {
        **checkpoint.architecture,
        "options": {**checkpoint.architecture["options"], **options},
    }
    torch.manual_seed(5)
    as_timm = build(with_options).state_dict()
    torch.manual_seed(5)
    shut = build(checkpoint.architecture).state_dict()
    constant = {n for n in as_timm if not torch.equal(as_timm[n], shut[n])}
    assert constant
    for at in constant:
        torch.testing.assert_close(checkpoint.weights[at], as_timm[at], rtol=0, atol=0)


def test_trained_pretext_tasks_start_as_their_recipes_say() -> None:
    network = build(untrained("resnet_nano", None).architecture)
    assert not network.get_submodule("layer1.0.bn2").get_parameter("weight").any()
