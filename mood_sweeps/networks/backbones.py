"""Backbones: the two nano networks of the embedded default, and every timm architecture by name.

This file declares; ``timm_networks.py`` builds. timm's names come from ``timm_names.txt``, pinned
to the timm version in its first line, so that planning a sweep does not import timm.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mood_sweeps.choice import Choice, Count, choose, choose_all, did_you_mean
from mood_sweeps.errors import InputError
from mood_sweeps.networks.backbone import Backbone, Family
from mood_sweeps.networks.timm_families import Kind, timm_names

__all__ = [
    "BACKBONES",
    "ResnetNano",
    "TimmCnn",
    "TimmOther",
    "TimmPlainVit",
    "TimmVit",
    "VitNano",
    "backbone_names",
    "choose_backbone",
    "choose_backbones",
]


@dataclass(frozen=True)
class VitNano(Backbone):
    """A vision transformer for 8×8 images: 16 patches of 2×2, mean of patch tokens as feature.

    Linear layers start from Xavier's rule and positions from sines (``position_embeddings.py``):
    timm's defaults suit widths of hundreds and long training. width: a multiple of 4 and of heads.
    """

    family: ClassVar[Family] = "vit"
    can_drop_patches: ClassVar[bool] = True
    is_nano: ClassVar[bool] = True
    timm_name: ClassVar[str | None] = "vit_tiny_patch16_224"

    image_size: Count = 8
    channels: Literal[1, 3] = 1
    patch_size: Count = 2
    width: Count = 48
    depth: Count = 3
    heads: Count = 3

    def __post_init__(self) -> None:
        if self.image_size % self.patch_size:
            raise InputError("backbone 'vit_nano': image_size must be a multiple of patch_size")
        if self.width % 4 or self.width % self.heads:
            raise InputError("backbone 'vit_nano': width must be a multiple of 4 and of heads")

    @property
    def timm_options(self) -> dict[str, Any]:
        """Arguments of ``timm.create_model`` beside the name; ``sincos_positions`` is ours."""
        return {
            "img_size": self.image_size,
            "patch_size": self.patch_size,
            "embed_dim": self.width,
            "depth": self.depth,
            "num_heads": self.heads,
            "class_token": False,
            "global_pool": "avg",
            "weight_init": "jax",
            "sincos_positions": True,
        }


@dataclass(frozen=True)
class ResnetNano(Backbone):
    """A ResNet-10 for 8×8 images: 3×3 stem without stride or pooling, as is usual for small images.

    Four stages of one basic block each. width: channels of the stem and of the first stage, doubled
    by each next; even.
    """

    family: ClassVar[Family] = "cnn"
    is_nano: ClassVar[bool] = True
    timm_name: ClassVar[str | None] = "resnet18"

    image_size: Count = 8
    channels: Literal[1, 3] = 1
    width: Annotated[int, Field(gt=0, multiple_of=2)] = 16

    @property
    def timm_options(self) -> dict[str, Any]:
        """Arguments of ``timm.create_model`` beside the name; ``small_stem`` is ours."""
        return {
            "layers": [1, 1, 1, 1],
            "channels": [self.width, 2 * self.width, 4 * self.width, 8 * self.width],
            # Only timm's deep stem has a width option; the stem's output has twice this width.
            "stem_type": "deep",
            "stem_width": self.width // 2,
            "small_stem": True,
        }


@dataclass(frozen=True)
class _Timm(Backbone):
    """An architecture of timm, trained from scratch, with timm's normalisation for it."""

    image_size: Count | None = None
    channels: Literal[1, 3] = 3


@dataclass(frozen=True)
class TimmVit(_Timm):
    """A timm architecture of family ``vit``."""

    family: ClassVar[Family] = "vit"


@dataclass(frozen=True)
class TimmPlainVit(TimmVit):
    """A ViT with blocks that use no positions, so they also work on some of the patches."""

    can_drop_patches: ClassVar[bool] = True


@dataclass(frozen=True)
class TimmCnn(_Timm):
    """A timm architecture of family ``cnn``."""

    family: ClassVar[Family] = "cnn"


@dataclass(frozen=True)
class TimmOther(_Timm):
    """A timm architecture of family ``other``."""

    family: ClassVar[Family] = "other"


BACKBONES: dict[str, type[Backbone]] = {"vit_nano": VitNano, "resnet_nano": ResnetNano}

_TIMM_KINDS: dict[Kind, type[Backbone]] = {
    "plain_vit": TimmPlainVit,
    "vit": TimmVit,
    "cnn": TimmCnn,
    "other": TimmOther,
}


def choose_backbone(raw: Any) -> Choice[Backbone]:
    """Read one value of the backbone axis: a nano backbone or any timm architecture.

    A timm name takes ``image_size`` and ``channels`` as parameters. A name that is in neither list
    is looked up in the installed timm, which may be newer than the list; that import takes seconds.
    Raises InputError for a name that the installed timm does not have, or for a wrong parameter.
    """
    return choose(raw, _catalogue_for(raw), "backbone")


def choose_backbones(raw: Any) -> tuple[Choice[Backbone], ...]:
    """Read one item of the backbone axis, which may be a grid; otherwise as `choose_backbone`."""
    return choose_all(raw, _catalogue_for(raw), "backbone")


def backbone_names() -> Collection[str]:
    """Return the names of the nano backbones and of the shipped list of timm's architectures."""
    return _every_backbone().keys()


def _catalogue_for(raw: Any) -> dict[str, type[Backbone]]:
    """Return a catalogue with the name in ``raw``; raise InputError if timm does not have it."""
    catalogue = _every_backbone()
    name = next(iter(raw)) if isinstance(raw, dict) and len(raw) == 1 else raw
    if isinstance(name, str) and name not in catalogue:
        from mood_sweeps.networks.timm_networks import timm_kind  # late: imports torch and timm

        kind = timm_kind(name)
        if kind is None:
            close = difflib.get_close_matches(name, catalogue, n=3)
            raise InputError(
                f"unknown backbone {name!r}{did_you_mean(name, {*BACKBONES, *close})}, "
                "or any other architecture of timm"
            )
        catalogue = {**catalogue, name: _TIMM_KINDS[kind]}
    return catalogue


@functools.cache
def _every_backbone() -> dict[str, type[Backbone]]:
    return BACKBONES | {name: _TIMM_KINDS[kind] for name, kind in timm_names().items()}
