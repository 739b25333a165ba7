"""Patches: how a vision transformer cuts its input; planning needs it before any network."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.backbones import VitNano

__all__ = ["Patches", "patches_of"]


@dataclass(frozen=True)
class Patches:
    """Square images of ``image_size`` pixels a side, cut into squares of ``patch_size``."""

    image_size: int
    channels: int
    patch_size: int


def patches_of(backbone: Choice[Backbone]) -> Patches:
    """Return how a backbone of family ``vit`` cuts its input.

    For a timm architecture this imports timm, which takes seconds.
    """
    own = backbone.parameters
    if isinstance(own, VitNano):
        return Patches(own.image_size, own.channels, own.patch_size)
    return _of_timm(backbone)


@functools.cache
def _of_timm(backbone: Choice[Backbone]) -> Patches:
    import torch  # late: planning imports it for an architecture of timm only

    from mood_sweeps.networks.timm_networks import build, describe

    architecture = describe(backbone)
    with torch.device("meta"):  # shapes without weights
        network: Any = build(architecture)
    form = architecture["input"]
    return Patches(form["size"], form["channels"], int(network.patch_embed.patch_size[0]))
