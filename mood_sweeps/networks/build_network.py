"""From a backbone to its network: timm's, or one that a plugin builds."""

from __future__ import annotations

from typing import Any

from torch import nn

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.networks import timm_networks
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.user_networks import build_user_network, describe_user_network

__all__ = ["build", "classifiers", "describe", "describe_loaded", "is_of_plugin", "name_of"]

_HEADS = ("head", "fc", "head.fc", "classifier")


def describe(backbone: Choice[Backbone]) -> dict[str, Any]:
    """Return the description of a network, plain data; see `timm_networks.describe`.

    One of a plugin has ``plugin`` (digest of the plugin, name and parameters of the backbone)
    instead of ``timm``, and ``head``, the name of its classifier.
    """
    if backbone.digest:
        return describe_user_network(backbone.digest, backbone.name, _given(backbone))
    return timm_networks.describe(backbone)


def describe_loaded(backbone: Choice[Backbone], tag: str | None = None) -> dict[str, Any]:
    """Return the description for weights that others trained; see `timm_networks`."""
    return describe(backbone) if backbone.digest else timm_networks.describe_loaded(backbone, tag)


def build(description: dict[str, Any], drop_path: float = 0.0) -> nn.Module:
    """Return the network of a description, freshly initialised; see `timm_networks.build`.

    Raises StageFailed for a network of a plugin outside the process of that plugin.
    """
    if not is_of_plugin(description):
        return timm_networks.build(description, drop_path)
    if drop_path:
        raise InputError(f"drop_path: {name_of(description)} is a plugin's and cannot skip blocks")
    return build_user_network(description)


def classifiers(description: dict[str, Any]) -> tuple[str, ...]:
    """Return the possible names of the classifier in a file of weights of an architecture."""
    if is_of_plugin(description):
        return (description["head"],) if description["head"] else _HEADS
    return (*_HEADS, *timm_networks.classifiers(description))


def is_of_plugin(description: dict[str, Any]) -> bool:
    """Whether a plugin builds the network."""
    return "plugin" in description


def name_of(description: dict[str, Any]) -> str:
    """Return the name of an architecture for messages."""
    name: str = description["plugin"]["name"] if "plugin" in description else description["timm"]
    return name


def _given(backbone: Choice[Backbone]) -> dict[str, Any]:
    return {name: getattr(backbone.parameters, name) for name in sorted(backbone.given)}
