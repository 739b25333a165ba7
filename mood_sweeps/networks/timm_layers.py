"""Layers: whether timm knows those of an architecture, and can skip some; asked while planning."""

from __future__ import annotations

import functools

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError

__all__ = ["layers_refuse"]


def layers_refuse(backbone: Choice, *, layer_decay: float, drop_path: float) -> str | None:
    """Return why a backbone cannot be trained with these, or None.

    Nano backbones and ViTs can. Of another architecture only timm knows; that import takes seconds.
    """
    own = backbone.parameters
    if own.is_nano or own.family == "vit" or (layer_decay == 1 and drop_path == 0):
        return None
    return _refused(backbone, layer_decay != 1, drop_path != 0)


@functools.cache
def _refused(backbone: Choice, decays: bool, drops: bool) -> str | None:
    import torch  # late: planning imports it for an architecture of timm only

    from mood_sweeps.networks.timm_networks import build, describe, layers_below_head

    try:
        with torch.device("meta"):  # shapes without weights
            network = build(describe(backbone), 0.1 if drops else 0.0)
        if decays:
            layers_below_head(network)
    except InputError as error:
        return error.problems[0].message
    return None
