"""An untrained network that sees: every block acts on the image from the start."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["open_residual_branches"]

_SMALL = 0.01
_ADDED = ("bias", "beta", "embed", "pos", "tau", "token")
"""How parameters end that are added to something: where they start at zero, nothing is shut."""


def open_residual_branches(network: nn.Module) -> None:
    """Undo in place the starting values that keep the branches of blocks from acting.

    Recipes start many a residual block as the identity, so that training is stable: the last
    normalisation or convolution of a branch is zero (Goyal et al. 2017, §5.1; SkipInit and ReZero),
    or the branch is scaled by 1e-4 to 1e-6 (LayerScale, Touvron et al. 2021). Trained, the branches
    open; untrained, a ResNet is a chain of strided shortcuts that sees four pixels of an 8×8 image,
    and a class token that hears of no patch is the same for every image.

    Scales, which are vectors or single numbers, equal throughout and below 0.01, become 1; weights
    of linear and convolutional layers that are all zero are drawn as torch draws them, from its
    global generator. All other values stay as they are.
    """
    with torch.no_grad():
        for module in network.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if _is_shut_scale(name, parameter):
                    parameter.fill_(1.0)
                elif _is_zero_layer(module, name, parameter):
                    nn.init.kaiming_uniform_(parameter, a=math.sqrt(5))


def _is_shut_scale(name: str, parameter: nn.Parameter) -> bool:
    if name.endswith(_ADDED) or parameter.numel() != max(parameter.shape, default=1):
        return False
    first = parameter.flatten()[0]
    return bool(first.abs() < _SMALL) and bool((parameter == first).all())


def _is_zero_layer(module: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return isinstance(module, layers) and name == "weight" and not bool(parameter.any())
