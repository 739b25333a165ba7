from __future__ import annotations

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay
from torch import nn

from mood_sweeps.errors import InputError
from mood_sweeps.methods.pretexts.classification.objective import ClassificationObjective
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.timm_layers import unsupported_layer_options
from mood_sweeps.networks.timm_networks import build, describe, layers_below_head
from mood_sweeps.training.optimiser_step import Stepper, layer_rates
from mood_sweeps.training.recipe import Recipe

# By hand: the head is one layer above the last block, the patches or the stem one below the first.
VIT_NANO = {
    "patch_embed.proj.weight": 0.5**4,
    "pos_embed": 0.5**4,
    "blocks.0.attn.qkv.weight": 0.5**3,
    "blocks.1.mlp.fc2.bias": 0.5**2,
    "blocks.2.norm1.weight": 0.5,
    "fc_norm.weight": 1.0,
}
RESNET18 = {
    "conv1.weight": 0.5**9,
    "bn1.bias": 0.5**9,
    "layer1.0.conv1.weight": 0.5**8,
    "layer1.1.bn2.weight": 0.5**7,
    "layer2.0.downsample.0.weight": 0.5**6,
    "layer3.1.conv2.weight": 0.5**3,
    "layer4.1.conv1.weight": 0.5,
}


def rates_of(network: nn.Module, decay: float) -> dict[str, float]:
    rates = layer_rates(network, decay)
    return {name: rates[one] for name, one in network.named_parameters()}


@pytest.mark.parametrize(
    ("backbone", "table"), [("vit_nano", VIT_NANO), ("resnet18", RESNET18)], ids=str
)
def test_a_layer_moves_by_its_distance_from_the_head(
    backbone: str, table: dict[str, float]
) -> None:
    rates = rates_of(build(describe(choose_backbone(backbone))), 0.5)
    assert {name: rates[name] for name in table} == table
    assert set(rates.values()) == {
        0.5**below
        for below in range(0 if "vit" in backbone else 1, 10)
        if 0.5**below >= min(table.values())
    }


@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "beit_base_patch16_224", "resnet18", "convnext_atto"]
)
def test_timm_counts_the_same_with_a_head_on(name: str) -> None:
    with torch.device("meta"):
        network = build(describe(choose_backbone(name)))
        whole = timm.create_model(name, num_classes=3)
    theirs = {
        id(one): group["lr_scale"]
        for group in param_groups_layer_decay(whole, layer_decay=0.7)
        for one in group["params"]
    }
    named = {name: theirs[id(one)] for name, one in whole.named_parameters()}
    rates = rates_of(network, 0.7)
    shared = rates.keys() & named.keys()
    assert len(shared) > 0.95 * len(rates)
    for parameter in shared:
        assert rates[parameter] == pytest.approx(named[parameter]), parameter


def test_a_decay_of_1_leaves_all_rates_alone() -> None:
    assert layer_rates(build(describe(choose_backbone("vit_nano"))), 1.0) == {}


def test_an_architecture_without_known_layers_is_refused() -> None:
    with pytest.raises(InputError, match="timm knows no layers of a Linear"):
        layer_rates(nn.Linear(2, 2), 0.5)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("densenet121", "drop_path: densenet121 cannot skip blocks"),
        ("csatv2", "layer_decay: timm knows no layers of a CSATv2"),
        ("resnet18", None),
        ("vit_tiny_patch16_224", None),
        ("vit_nano", None),
    ],
)
def test_what_an_architecture_cannot_do_is_known_before_anything_runs(
    name: str, reason: str | None
) -> None:
    assert (
        unsupported_layer_options(choose_backbone(name), layer_decay=0.5, drop_path=0.1) == reason
    )
    assert unsupported_layer_options(choose_backbone(name), layer_decay=1.0, drop_path=0.0) is None


@pytest.mark.parametrize(
    "name",
    [
        "vit_tiny_patch16_224",
        "vit_relpos_base_patch16_224",
        "beit_base_patch16_224",
        "eva02_tiny_patch14_224",
        "deit_base_distilled_patch16_224",
    ],
)
def test_every_kind_of_vit_has_layers_and_skips_blocks(name: str) -> None:
    with torch.device("meta"):
        network = build(describe(choose_backbone(name)), 0.3)
    assert set(layers_below_head(network).values()) >= set(range(1, 14))
    assert any(type(one).__name__ == "DropPath" for one in network.modules())


def test_the_first_step_moves_each_weight_by_its_own_rate() -> None:
    torch.manual_seed(0)
    network = build(describe(choose_backbone("vit_nano")))
    objective = ClassificationObjective(network, 48, 3, 0.0)
    before = {name: one.detach().clone() for name, one in objective.named_parameters()}
    recipe = Recipe(weight_decay=0.0)
    stepper = Stepper(objective, recipe, layer_rates(network, 0.5))
    images, labels = torch.randn(6, 1, 8, 8), torch.arange(6) % 3
    stepper.step(images, labels, torch.Generator().manual_seed(0), 1e-3)
    # Adam's first step is the rate times the sign of the gradient.
    for name, one in objective.named_parameters():
        moved = (one.detach() - before[name]).abs().max().item()
        share = VIT_NANO.get(name.removeprefix("network."))
        share = 1.0 if name.startswith("head.") else share
        if share is not None:
            assert moved == pytest.approx(1e-3 * share, rel=1e-2), name
