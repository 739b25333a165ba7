"""Networks of a user's own: built by the code of a plugin, in a process that offers that code.

A plugin's process offers its backbones (`offer`) before it builds any. All other processes offer
none, so the code of a plugin never runs in them: `build_user_network` refuses there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import torch
from torch import nn

from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import InputError, StageFailed

__all__ = ["BuildsNetwork", "build_user_network", "describe_user_network", "offer"]


class BuildsNetwork(Protocol):
    """A user's backbone: a frozen dataclass of parameters that builds its network.

    image_size: side S of the square input. channels: C, 1 gray or 3 RGB. mean, std: one per
    channel, for pixels in [0, 1]. interpolation, crop: from an image to the input, see `to_input`;
    crop None squashes the image to S×S. head: name of the linear classifier inside the network,
    which reads the features; empty where the network returns features itself.
    """

    image_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop: float | None
    head: str
    family: str

    def build(self) -> nn.Module:
        """Return the network with fresh weights, drawn from torch's global generator.

        It maps float32 (N, C, S, S) to what ``head`` returns or, without one, to features (N, D).
        """
        ...


_OFFERED: dict[tuple[str, str], type[Any]] = {}


def offer(digest: str, name: str, kind: type[Any]) -> None:
    """Let this process build a backbone of the plugin with this digest."""
    _OFFERED[digest, name] = kind


def describe_user_network(digest: str, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a user's network, plain data; see `timm_networks.describe`.

    digest: of the plugin. parameters: those that the experiment file gives.
    """
    own = _backbone(digest, name, parameters)
    form: dict[str, Any] = {
        "size": own.image_size,
        "channels": own.channels,
        "mean": list(own.mean),
        "std": list(own.std),
        "interpolation": own.interpolation,
    }
    if own.crop is not None:
        form["crop"] = own.crop
    return {
        "plugin": {"digest": digest, "name": name, "parameters": dict(parameters)},
        "family": own.family,
        "head": own.head,
        "input": form,
    }


def build_user_network(description: Mapping[str, Any]) -> nn.Module:
    """Return the network of a description, freshly initialised; see `timm_networks.build`.

    Its head, if it has one, is replaced by an identity, so that it returns features. Raises
    InputError where ``build`` returns no module, or one that has no such head or other features.
    """
    source = description["plugin"]
    own = _backbone(source["digest"], source["name"], source["parameters"])
    network = own.build()
    if not isinstance(network, nn.Module):
        raise InputError(f"build() returns {_kind(network)}, not a torch.nn.Module")
    width = _without_head(network, description["head"])
    # Images arrive with channels innermost; a network of the user's may call `view` on them.
    network.register_forward_pre_hook(_contiguous)
    user_network = cast(Any, network)
    user_network.num_features = _measured_width(
        network, description["input"], description["head"], width
    )
    user_network.description = description
    return network


def _backbone(digest: str, name: str, parameters: Mapping[str, Any]) -> BuildsNetwork:
    if (digest, name) not in _OFFERED:
        raise StageFailed(
            f"backbone {name!r} is of a plugin (SHA-256 {digest[:12]}…), and its code runs only in "
            "its own process"
        )
    kind = _OFFERED[digest, name]
    tuples = {key: _as_tuples(value) for key, value in parameters.items()}
    backbone: BuildsNetwork = kind(**tuples)
    return backbone


def _without_head(network: nn.Module, head: str) -> int | None:
    """Replace the head by an identity; return how many features it reads."""
    if not head:
        return None
    parent, _, last = head.rpartition(".")
    try:
        module = network.get_submodule(head)
    except AttributeError:
        names = [name for name, _ in network.named_modules() if name]
        raise InputError(
            f"the network has no module {head!r}, which 'head' names{did_you_mean(head, names)}"
        ) from None
    if not isinstance(module, nn.Linear):
        raise InputError(f"'head' names {head!r}, {_kind(module)}, not a torch.nn.Linear")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return module.in_features


def _measured_width(
    network: nn.Module, form: Mapping[str, Any], head: str, expected: int | None
) -> int:
    was_training = network.training
    images = torch.zeros(2, form["channels"], form["size"], form["size"])
    try:
        with torch.no_grad():
            features = network.eval()(images)
    except InputError:
        raise
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(
            f"the network does not take images of shape {tuple(images.shape)}: {line}"
        ) from error
    network.train(was_training)
    wanted = f"(2, {'D' if expected is None else expected}) in float32"
    what = f"before its head {head!r}" if head else "without a head"
    if not isinstance(features, torch.Tensor):
        raise InputError(f"{what} the network returns {_kind(features)}, not features {wanted}")
    shape = tuple(features.shape)
    is_right = (
        len(shape) == 2
        and shape[0] == 2
        and shape[1] > 0
        and (expected is None or shape[1] == expected)
        and features.dtype == torch.float32
    )
    if not is_right:
        dtype = str(features.dtype).removeprefix("torch.")
        raise InputError(
            f"{what} the network returns {dtype} of shape {shape} for two images, not features "
            f"{wanted}"
        )
    return shape[1]


def _contiguous(_network: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one.contiguous() if isinstance(one, torch.Tensor) else one for one in inputs)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
