"""Small networks of real architectures, and their weights as other tools would name them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mood_sweeps.choice import Choice
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.backbones import TimmVit
from mood_sweeps.networks.timm_networks import build, describe_loaded

SMALL = {"depth": 2, "embed_dim": 24, "num_heads": 2}
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Small(TimmVit):
    """A timm architecture for 32-pixel images, of two blocks."""

    image_size: int | None = 32

    @property
    def timm_options(self) -> dict[str, Any]:
        return SMALL


VIT = Choice("vit_tiny_patch16_224", Small())
BEIT = Choice("beit_base_patch16_224", Small())
DINO_V2 = Choice("vit_small_patch14_dinov2", Small(image_size=28))
IMAGES = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def network_of(backbone: Choice[Backbone], **options: Any) -> nn.Module:
    """Return a network with random weights everywhere, norms and biases included."""
    description = describe_loaded(backbone)
    torch.manual_seed(3)
    network = build({**description, "options": {**description["options"], **options}})
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(std=0.1)
    return network.eval()


def features(network: nn.Module, images: torch.Tensor = IMAGES) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = network(images)
    return found


def moco_v3(state: State, encoder: str = "base_encoder") -> dict[str, Any]:
    """What `main_moco.py` saves: both encoders under DistributedDataParallel."""
    weights = {f"module.{encoder}.{name}": value for name, value in state.items()}
    if encoder == "base_encoder":
        weights |= {f"module.momentum_encoder.{name}": value + 1 for name, value in state.items()}
    for place in (f"{encoder}.head.0", f"{encoder}.head.3", "predictor.0"):
        weights[f"module.{place}.weight"] = torch.rand(8, 24)
    return {"epoch": 300, "arch": "vit_base", "state_dict": weights, "optimizer": {"state": {}}}


def beit_pretrained(state: State) -> dict[str, Any]:
    """``beit_*_pt22k.pth``: relative positions shared, a norm of tokens, a decoder of tokens."""
    weights = {
        name: value
        for name, value in state.items()
        if not name.endswith("relative_position_bias_table") and not name.startswith("fc_norm")
    }
    table = "attn.relative_position_bias_table"
    weights["rel_pos_bias.relative_position_bias_table"] = state[f"blocks.0.{table}"]
    weights["rel_pos_bias.relative_position_index"] = torch.arange(25).view(5, 5)
    weights |= {"norm.weight": torch.rand(24), "norm.bias": torch.rand(24)}
    weights |= {"lm_head.weight": torch.rand(8192, 24), "mask_token": torch.rand(1, 1, 24)}
    return {"model": weights}


def beit_fine_tuned(state: State) -> dict[str, Any]:
    """``beit_*_pt22k_ft22k.pth``: relative positions in each block, a classifier of 21,841."""
    index = {
        f"blocks.{block}.attn.relative_position_index": torch.arange(25).view(5, 5)
        for block in range(2)
    }
    head = {"head.weight": torch.rand(21841, 24), "head.bias": torch.rand(21841)}
    return {"model": {**state, **index, **head}}


def mmpretrain(state: State) -> dict[str, Any]:
    """What mmpretrain publishes: its names for a ViT, a BEiT or a DINOv2."""
    swaps = (
        (r"^patch_embed\.proj", "patch_embed.projection"),
        (r"^blocks\.(\d+)\.norm([12])", r"layers.\1.ln\2"),
        (r"^blocks\.(\d+)\.mlp\.fc1", r"layers.\1.ffn.layers.0.0"),
        (r"^blocks\.(\d+)\.mlp\.fc2", r"layers.\1.ffn.layers.1"),
        (r"^blocks\.(\d+)\.ls1\.gamma", r"layers.\1.attn.gamma1.weight"),
        (r"^blocks\.(\d+)\.ls2\.gamma", r"layers.\1.ffn.gamma2.weight"),
        (r"^blocks\.", "layers."),
        (r"^norm\.", "ln1."),
        (r"^fc_norm\.", "ln2."),
    )
    weights = {}
    for name, value in state.items():
        for pattern, instead in swaps:
            name = re.sub(pattern, instead, name)
        weights[f"backbone.{name}"] = value
    weights["head.layers.head.weight"] = torch.rand(1000, 24)
    weights["head.layers.head.bias"] = torch.rand(1000)
    weights["neck.decoder_embed.weight"] = torch.rand(4, 4)
    return {"meta": {"mmpretrain_version": "1.0.0"}, "state_dict": weights}
