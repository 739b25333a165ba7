"""The contract that a backbone from outside the package must keep, checked in its own process."""

from __future__ import annotations

from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError
from mood_sweeps.plugins.class_contract import Promises, class_problems, give_defaults, is_version

__all__ = ["check_choice", "complete", "contract_problems", "facts_of"]

FAMILIES = ("cnn", "other")
"""A ``vit`` is more than a network: masked pretext tasks reach into timm's patch embedding."""
INTERPOLATIONS = ("bilinear", "bicubic")
_DEFAULTS = {"interpolation": "bilinear", "crop": None, "head": ""}


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0


def _are_numbers(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) > 0
        and all(isinstance(one, float | int) and not isinstance(one, bool) for one in value)
    )


_INPUT: Promises = {
    "image_size": (_is_size, "the side of its square input, a whole number of pixels"),
    "channels": (lambda value: value in (1, 3), "1 (gray) or 3 (RGB)"),
    "mean": (_are_numbers, "a tuple of numbers, one per channel, for pixels in [0, 1]"),
    "std": (
        lambda value: _are_numbers(value) and min(value) > 0,
        "a tuple of numbers above 0, one per channel, for pixels in [0, 1]",
    ),
    "interpolation": (
        lambda value: value in INTERPOLATIONS,
        f"one of {', '.join(INTERPOLATIONS)}",
    ),
    "crop": (
        lambda value: value is None or (isinstance(value, float | int) and 0 < value <= 1),
        "None (the image is squashed) or the share of the shorter side that is kept, up to 1",
    ),
    "head": (
        lambda value: isinstance(value, str),
        "the name of the linear classifier in the network, or '' where it has none",
    ),
}
_PROMISES: Promises = {
    "version": (is_version, "ClassVar[int], at least 1"),
    "family": (lambda value: value in FAMILIES, f"ClassVar[str], one of {', '.join(FAMILIES)}"),
    **_INPUT,
    "build": (callable, "a method build() -> torch.nn.Module"),
}


def complete(backbones: Any) -> None:
    """Give classes the parts of the contract that they leave out."""
    give_defaults(backbones, _DEFAULTS)


def contract_problems(name: Any, kind: Any) -> list[str]:
    """Return what keeps ``kind`` from being the backbone called ``name``."""
    return class_problems(name, kind, "backbone", _PROMISES, may_vary=tuple(_INPUT))


def facts_of(kind: type[Any]) -> dict[str, Any]:
    """Return what planning reads of a backbone's class."""
    return {"version": kind.version, "family": kind.family}


def check_choice(digest: str, choice: Choice[Any]) -> None:
    """Build the network once, and let it compute features of two images.

    Raises InputError for an input that no image can be brought to, for what is no network, for a
    network without the head that it names or with features that are not (N, D).
    """
    own = choice.parameters
    for promise, (is_kept, wanted) in _INPUT.items():
        if not is_kept(getattr(own, promise)):
            raise InputError(f"{promise!r} must be {wanted}")
    for promise in ("mean", "std"):
        if len(getattr(own, promise)) != own.channels:
            raise InputError(f"{promise!r} must have one number per channel, {own.channels}")
    from mood_sweeps.networks import user_networks  # late: it imports torch

    user_networks.offer(digest, choice.name, type(own))
    given = {name: getattr(own, name) for name in sorted(choice.given)}
    described = user_networks.describe_user_network(digest, choice.name, given)
    user_networks.build_user_network(described)
