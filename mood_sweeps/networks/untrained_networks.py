"""Untrained networks for the random baseline: every block acts on the image from the start."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["make_images_differ", "open_residual_branches", "relative_spread"]

_SMALL = 0.01
_LEAST_SPREAD = 1e-4
_NOISE_SEED = 0
_COMPARED, _MEASURED = 8, 32  # noise images: to compare features of, to set BatchNorm by
_ADDITIVE = ("bias", "beta", "embed", "pos", "tau", "token")
"""Endings of the names of additive parameters: starting them at zero blocks no signal."""


def open_residual_branches(network: nn.Module) -> None:
    """Undo in place the starting values that keep the branches of blocks from acting.

    Many recipes start a residual block as the identity, so that training is stable: the last
    normalisation or convolution of a branch is zero (Goyal et al. 2017, §5.1; SkipInit and ReZero),
    or the branch is scaled by 1e-4 to 1e-6 (LayerScale, Touvron et al. 2021). Training opens
    the branches. An untrained ResNet with closed branches is a chain of strided shortcuts that
    depends on four pixels of an 8×8 image, and an untrained class token depends on no patch.

    Scales (vectors or single numbers with equal values below 0.01) become 1. All-zero weights of
    linear and convolutional layers are drawn as torch draws them by default, from its global
    generator. All other values stay as they are.
    """
    with torch.no_grad():
        for module in network.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if _is_closed_scale(name, parameter):
                    parameter.fill_(1.0)
                elif _is_zero_layer(module, name, parameter):
                    nn.init.kaiming_uniform_(parameter, a=math.sqrt(5))


def make_images_differ(network: nn.Module) -> tuple[str, ...]:
    """Set BatchNorm by noise where an untrained network gives all images the same features.

    An untrained BatchNorm divides by one. Where the weights are small, the signal of the image
    halves from layer to layer until only the biases are left (RepVGG, ConvMixer). So where the
    relative spread of features over noise images is below 1e-4, the running statistics become those
    of one forward pass over 32 standard-normal images. All other networks, and all parameters, stay
    as they are. The noise comes from a separate generator with a fixed seed.

    network: as `timm_networks.build` makes it; in eval mode afterwards. Returns what is wrong with
    the network: one finding if features still hardly differ, else none.
    """
    network.eval()
    if relative_spread(network) >= _LEAST_SPREAD:
        return ()
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    layers = [layer for layer in layers if layer.track_running_stats]
    if layers:
        _measure(network, layers)
    spread = relative_spread(network)
    if spread >= _LEAST_SPREAD:
        return ()
    return (f"features of noise images hardly differ (relative spread {spread:.1g})",)


def relative_spread(network: nn.Module) -> float:
    """Return how far the features of 8 standard-normal images differ, for a network in eval mode.

    It is the root mean square of the features' standard deviations, divided by the root mean square
    of the features; NaN where features are not finite, 0 where all are 0.
    """
    with torch.no_grad():
        features = network(_noise(network, _COMPARED)).double()
    size = features.square().mean().sqrt()
    return float(features.std(dim=0).square().mean().sqrt() / size) if size != 0 else 0.0


def _measure(network: nn.Module, layers: list[_BatchNorm]) -> None:
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # statistics become the average over all batches: there is one
        layer.train()
    with torch.no_grad():
        network(_noise(network, _MEASURED))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    network.eval()


def _noise(network: Any, images: int) -> torch.Tensor:
    form = network.description["input"]
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    return torch.randn(images, form["channels"], form["size"], form["size"], generator=generator)


def _is_closed_scale(name: str, parameter: nn.Parameter) -> bool:
    if name.endswith(_ADDITIVE) or parameter.numel() != max(parameter.shape, default=1):
        return False
    first = parameter.flatten()[0]
    return bool(first.abs() < _SMALL) and bool((parameter == first).all())


def _is_zero_layer(module: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return isinstance(module, layers) and name == "weight" and not bool(parameter.any())
