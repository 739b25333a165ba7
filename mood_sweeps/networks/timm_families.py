"""The families of timm's architectures: which of timm's modules hold which kind of network."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

__all__ = ["MODULES", "Kind", "timm_names"]

Kind = Literal["plain_vit", "vit", "cnn", "other"]
"""A family of timm's architectures; ``plain_vit`` is the part of ``vit`` that adds positions before
the first block, so that blocks can run on some of the patches only."""

# In both kinds of ViT, ``patch_embed`` returns (N, L, D) tokens and ``forward_features`` keeps
# their order after ``num_prefix_tokens``: masking relies on both. Plain ViTs also have
# ``patch_drop`` between positions and blocks, where patches can be left out; the others have no
# such layer, most of them because their blocks use positions.
MODULES: Mapping[Kind, Sequence[str]] = {
    "plain_vit": ["deit", "vision_transformer"],
    "vit": ["beit", "eva", "vision_transformer_relpos"],
    "cnn": [
        "convmixer",
        "convnext",
        "cpubone",
        "cspnet",
        "cspnext",
        "densenet",
        "dla",
        "dpn",
        "efficientnet",
        "fasternet",
        "ghostnet",
        "hardcorenas",
        "hgnet",
        "hrnet",
        "inception_next",
        "inception_resnet_v2",
        "inception_v3",
        "inception_v4",
        "lcnetv2",
        "mobilenetv3",
        "nasnet",
        "nfnet",
        "pnasnet",
        "rdnet",
        "regnet",
        "repghost",
        "repvit",
        "res2net",
        "resnest",
        "resnet",
        "resnetv2",
        "rexnet",
        "selecsls",
        "senet",
        "sknet",
        "starnet",
        "tresnet",
        "vgg",
        "vovnet",
        "xception",
        "xception_aligned",
    ],
}
"""Modules of timm by the kind of their architectures; every other module is ``other``."""


@functools.cache
def timm_names() -> dict[str, Kind]:
    """Return the shipped timm names and their kinds."""
    lines = Path(__file__).with_name("timm_names.txt").read_text("ascii").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))  # type: ignore[return-value]
