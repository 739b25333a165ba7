"""Whether timm can decay rates by layer and skip blocks in an architecture; for planning."""

from __future__ import annotations

import functools

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.networks.backbone import Backbone

__all__ = ["unsupported_layer_options"]


def unsupported_layer_options(
    backbone: Choice[Backbone], *, layer_decay: float, drop_path: float
) -> str | None:
    """Return why a backbone cannot be trained with these options, or None if it can.

    Nano backbones and ViTs support both. For other architectures this imports timm, which takes
    seconds.
    """
    own = backbone.parameters
    if own.is_nano or own.family == "vit" or (layer_decay == 1 and drop_path == 0):
        return None
    if backbone.digest:
        return f"layer_decay and drop_path need a network of timm, {backbone.name} is a plugin's"
    return _timm_reason(backbone, layer_decay != 1, drop_path != 0)


@functools.cache
def _timm_reason(backbone: Choice[Backbone], decays_rates: bool, drops_paths: bool) -> str | None:
    import torch  # late: planning imports it for an architecture of timm only

    from mood_sweeps.networks.timm_networks import build, describe, layers_below_head

    try:
        with torch.device("meta"):  # shapes without weights
            network = build(describe(backbone), 0.1 if drops_paths else 0.0)
        if decays_rates:
            layers_below_head(network)
    except InputError as error:
        return error.problems[0].message
    return None
