"""Layer-wise learning rates: the further a layer is below the head, the lower its rate."""

from __future__ import annotations

from torch import nn

from mood_sweeps.networks.timm_networks import layers_below_head

__all__ = ["layer_rates"]


def layer_rates(network: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """Return the factor of each parameter's learning rate: decay^(number of layers above it).

    As in BEiT (Bao et al. 2022) and MAE: 1 for the head and other parameters of its layer,
    ``decay`` for the last block, decay^(blocks + 1) for the patch embedding. Raises InputError for
    an architecture without a list of layers in timm.
    """
    if decay == 1:
        return {}
    layers_above = layers_below_head(network)
    return {one: decay ** layers_above[name] for name, one in network.named_parameters()}
