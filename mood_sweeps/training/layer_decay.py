"""Layer-wise learning rates: the deeper a layer lies below the head, the less it moves."""

from __future__ import annotations

from torch import nn

from mood_sweeps.networks.timm_networks import layers_below_head

__all__ = ["layer_rates"]


def layer_rates(network: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """Return what the learning rate of each parameter is multiplied by: decay^(layers above it).

    BEiT (Bao et al. 2022) and MAE count so: 1 for the head and what is beside it, ``decay`` for the
    last block, decay^(blocks + 1) for the patch embedding. Raises InputError for an architecture
    without a list of layers in timm.
    """
    if decay == 1:
        return {}
    below = layers_below_head(network)
    return {one: decay ** below[name] for name, one in network.named_parameters()}
