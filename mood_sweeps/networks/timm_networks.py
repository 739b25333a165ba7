"""Networks by timm: a backbone choice → a plain description → a torch module."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg, group_parameters, is_model
from torch import nn

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.position_embeddings import sincos_positions
from mood_sweeps.networks.timm_families import MODULES, Kind

__all__ = [
    "build",
    "classifiers",
    "describe",
    "describe_loaded",
    "feature_width",
    "fetch",
    "hub_name",
    "layers_below_head",
    "pooling_of",
    "timm_kind",
    "timm_listing",
]

_HEAD = "(head)"  # cannot be the name of a parameter


def describe(backbone: Choice[Backbone]) -> dict[str, Any]:
    """Return the description of a network: plain data, what ``build`` and ``to_input`` need.

    timm: the architecture's name. family: see ``backbones.Family``. options: arguments of
    ``timm.create_model``. input: size and channels of the network's input, mean and std per channel
    for pixels in [0, 1].
    """
    parameters = backbone.parameters
    name, options, size = backbone.name, parameters.timm_options, parameters.image_size
    if parameters.timm_name is None:
        own = get_pretrained_cfg(name)
        mean, std = own.mean, own.std
        size = size or own.input_size[-1]
        if own.fixed_input_size:
            options = {**options, "img_size": size}
    else:
        name, mean, std = parameters.timm_name, (parameters.mean,), (parameters.std,)
    channels = parameters.channels
    return {
        "timm": name,
        "family": parameters.family,
        "options": options,
        "input": {
            "size": size,
            "channels": channels,
            "mean": _per_channel(mean, channels),
            "std": _per_channel(std, channels),
        },
    }


def describe_loaded(backbone: Choice[Backbone], tag: str | None = None) -> dict[str, Any]:
    """Return the description of a network for weights that others trained.

    As `describe`, with the interpolation and the crop of timm's evaluation. tag: timm's name of
    published weights, which define size and normalisation; None for those of the architecture (of a
    nano backbone: those of its training here).
    """
    description = describe(backbone)
    if backbone.parameters.timm_name is not None:
        return description
    own = get_pretrained_cfg(tag or backbone.name)
    channels = backbone.parameters.channels
    size = backbone.parameters.image_size or own.input_size[-1]
    form = {
        "size": size,
        "channels": channels,
        "mean": _per_channel(own.mean, channels),
        "std": _per_channel(own.std, channels),
        "interpolation": own.interpolation,
        "crop": own.crop_pct,
        "squash": own.crop_mode == "squash",
    }
    options = {**backbone.parameters.timm_options}
    if own.fixed_input_size:
        options["img_size"] = size
    return {**description, "timm": tag or backbone.name, "options": options, "input": form}


def fetch(description: dict[str, Any], overlay: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return published weights, classifier included, as timm loads them for a description.

    overlay: replaces entries of timm's record of these weights: ``hf_hub_id`` for another revision,
    ``file`` for a copy on this machine. timm resamples positions to another image size. Raises
    whatever the hub or timm raises.
    """
    network = timm.create_model(
        description["timm"],
        pretrained=True,
        in_chans=description["input"]["channels"],
        pretrained_cfg_overlay=overlay,
        **description["options"],
    )
    state: dict[str, torch.Tensor] = network.state_dict()
    return state


def hub_name(tag: str) -> str:
    """Return the repository of published weights on the Hugging Face hub."""
    name: str = get_pretrained_cfg(tag).hf_hub_id
    return name


def classifiers(description: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of an architecture's classifiers, such as ``("head",)``."""
    config = get_pretrained_cfg(description["timm"])
    names = config.classifier if config is not None else None
    return (names,) if isinstance(names, str) else tuple(names or ())


def pooling_of(network: nn.Module) -> str:
    """Return how a network pools its tokens or map into a feature: ``avg``, ``token``, ``map``."""
    for module in (network, getattr(network, "head", None)):
        pool = getattr(module, "global_pool", None)
        pool = getattr(pool, "pool_type", pool)
        if isinstance(pool, str) and pool:
            return pool
    return "the architecture's own"


def build(description: dict[str, Any], drop_path: float = 0.0) -> nn.Module:
    """Return the network of a description, freshly initialised from torch's global generator.

    It maps (N, channels, size, size) to pooled features (N, ``num_features``), float32. Its
    attribute ``description`` is the description.
    drop_path: probability that its last block is skipped in training, falling to 0 at the first;
    not part of the description, because it changes no weight's name or shape. Raises InputError if
    the architecture cannot skip blocks.
    """
    options = dict(description["options"])
    small_stem = options.pop("small_stem", False)
    sincos = options.pop("sincos_positions", False)
    channels = description["input"]["channels"]
    if drop_path:
        options["drop_path_rate"] = drop_path
    try:
        network: Any = timm.create_model(
            description["timm"], pretrained=False, num_classes=0, in_chans=channels, **options
        )
    except TypeError as error:
        if "drop_path_rate" in str(error):
            raise InputError(f"drop_path: {description['timm']} cannot skip blocks") from None
        raise
    if small_stem:
        # timm's ResNets shrink the image fourfold before the first block; 8×8 images are too
        # small for that. Replacing the stem is how ResNets are fitted to CIFAR (Chen et al. 2020,
        # B.9).
        width = network.bn1.num_features
        network.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    if sincos:
        rows, _columns = network.patch_embed.grid_size
        with torch.no_grad():
            network.pos_embed.copy_(sincos_positions(rows, network.embed_dim))
    network.description = description
    # Convolutions of few channels run a third faster on the CPU with channels innermost.
    built: nn.Module = network.to(memory_format=torch.channels_last)
    return built


def layers_below_head(network: nn.Module) -> dict[str, int]:
    """Return the number of layers above each parameter, by name; 0 for one in the head's layer.

    Layers are timm's: the stem, then each block; all other parameters count as the head's layer.
    Raises InputError for an architecture without a list of layers in timm.
    """
    matcher: Any = getattr(network, "group_matcher", None)
    if matcher is None:
        raise InputError(f"layer_decay: timm knows no layers of a {type(network).__name__}")
    # The network has no head, but timm counts one: add a parameter that stands for it.
    named = [*network.named_parameters(), (_HEAD, None)]
    with_head: Any = SimpleNamespace(named_parameters=lambda: iter(named))
    layers: Any = group_parameters(with_head, matcher(coarse=False), reverse=True)
    last = layers.pop(_HEAD)
    return {name: last - layer for name, layer in layers.items()}


def feature_width(network: nn.Module, images: torch.Tensor) -> int:
    """Return the width D of the pooled features, measured on ``images`` (N, C, S, S)."""
    with torch.no_grad():
        return int(network(images[:2]).shape[1])


def timm_kind(name: str) -> Kind | None:
    """Return the kind of a timm architecture; None if the installed timm does not have it."""
    if not is_model(name):
        return None
    return _kinds()[name]


def timm_listing() -> str:
    """Return the content of ``timm_names.txt`` for the installed timm."""
    lines = [
        f"# timm {timm.__version__}",
        "# Written by mood_sweeps.networks.timm_networks.timm_listing(); a test compares them.",
        *(f"{name} {kind}" for name, kind in sorted(_kinds().items())),
    ]
    return "\n".join(lines) + "\n"


def _kinds() -> dict[str, Kind]:
    kinds: dict[str, Kind] = dict.fromkeys(timm.list_models(), "other")
    for kind, names in MODULES.items():
        kinds |= {name: kind for module in names for name in timm.list_models(module=module)}
    return kinds


def _per_channel(values: tuple[float, ...], channels: int) -> list[float]:
    """Return a value per channel; for gray input of an RGB architecture, the mean of its three."""
    if len(values) == channels:
        return list(values)
    return [sum(values) / len(values)] * channels
