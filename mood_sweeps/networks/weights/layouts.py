"""Layouts: the names that other tools give weights → timm's names.

A layout drops what belongs to pretraining only (decoders, projectors, momentum encoders).
``fit_to_network.py`` fits the rest to the network and raises for missing or unexpected weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from mood_sweeps.errors import InputError
from mood_sweeps.networks.weights.weights_files import State

__all__ = ["LAYOUTS", "Layout", "layout_of"]


@dataclass(frozen=True)
class Layout:
    """How one tool names weights.

    recognises: whether a file's names are of this layout. translate: from weights and the network's
    names to weights by timm's names. form: from a file's names to the entries of a description's
    ``input`` in which the tool's evaluation differs from timm's.
    """

    recognises: Callable[[Collection[str]], bool]
    translate: Callable[[State, Collection[str]], State]
    form: Callable[[Collection[str]], Mapping[str, Any]]


def layout_of(names: Collection[str], wanted: str) -> str:
    """Return ``wanted``, or if it is ``auto`` the name of the first layout that fits the names."""
    if wanted != "auto":
        return wanted
    return next(name for name, layout in LAYOUTS.items() if layout.recognises(names))


def _moco_v3(state: State, wanted: Collection[str]) -> State:
    """The base encoder of Chen et al. 2021's code; the momentum encoder if it is missing."""
    del wanted
    for encoder in ("base_encoder.", "momentum_encoder."):
        weights = {
            name.removeprefix(encoder): value
            for name, value in state.items()
            if name.startswith(encoder)
        }
        if weights:
            # Their head (of a ViT) or fc (of a ResNet) is the projector.
            return {name: one for name, one in weights.items() if not name.startswith(_PROJECTORS)}
    raise InputError("has neither 'base_encoder' nor 'momentum_encoder', so it is not MoCo v3's")


def _beit(state: State, wanted: Collection[str]) -> State:
    """Bao et al. 2022's and Peng et al. 2022's code, pretrained or fine-tuned."""
    state = {
        name: value
        for name, value in state.items()
        if not name.endswith("relative_position_index") and not name.startswith(_BEIT_DECODERS)
    }
    return _ready_to_finetune(state, wanted)


def _mmpretrain(state: State, wanted: Collection[str]) -> State:
    """Weights of mmpretrain and of mmclassification before it: ViT, BEiT and ResNet."""
    renamed = {}
    for name, value in state.items():
        if name.startswith("backbone."):
            renamed[_from_mmpretrain(name.removeprefix("backbone."))] = value
        elif name.startswith("head.") and name.rpartition(".")[0] in _MM_CLASSIFIERS:
            renamed[f"head.{name.rpartition('.')[2]}"] = value
        elif not name.startswith(_MM_OTHERS):
            renamed[name] = value
    return _beit(renamed, wanted)


def _timm(state: State, wanted: Collection[str]) -> State:
    """timm's own names, which most ViTs and ResNets of other projects use."""
    return {
        name: value
        for name, value in state.items()
        if name in wanted or not name.startswith(_DECODERS)
    }


def _ready_to_finetune(state: State, wanted: Collection[str]) -> State:
    """Do what BEiT's fine-tuning code does with pretrained weights.

    Each block gets a copy of the relative positions that all blocks shared. A fresh norm of the
    mean token (weight 1, bias 0) replaces the norm of the tokens.
    """
    shared = state.pop(_SHARED_POSITIONS, None)
    if shared is None:
        return state
    for name in wanted:
        if name.endswith(".attn.relative_position_bias_table"):
            state[name] = shared.clone()
    if "fc_norm.weight" in wanted and "norm.weight" in state:
        like = state.pop("norm.weight")
        state.pop("norm.bias", None)
        state["fc_norm.weight"], state["fc_norm.bias"] = (
            torch.ones_like(like),
            torch.zeros_like(like),
        )
    return state


def _from_mmpretrain(name: str) -> str:
    for pattern, instead in _MM_NAMES:
        name = re.sub(pattern, instead, name)
    return name


_SHARED_POSITIONS = "rel_pos_bias.relative_position_bias_table"
_PROJECTORS = ("head.", "fc.")
_BEIT_DECODERS = ("lm_head.", "mask_token", "cls_pt_layers.")
_DECODERS = ("decoder", "mask_token", "lm_head.", "predictor.")
_MM_CLASSIFIERS = ("head.fc", "head.layers.head")
_MM_OTHERS = ("head.", "neck.", "momentum_encoder.", "target_generator.", "data_preprocessor.")
_MM_NAMES = (
    (r"^patch_embed\.projection\.", "patch_embed.proj."),
    (r"^layers\.(\d+)\.(?:ln|norm)([12])\.", r"blocks.\1.norm\2."),
    (r"^layers\.(\d+)\.ffn\.layers\.0\.0\.", r"blocks.\1.mlp.fc1."),
    (r"^layers\.(\d+)\.ffn\.layers\.1\.", r"blocks.\1.mlp.fc2."),
    (r"^layers\.(\d+)\.attn\.gamma1\.weight$", r"blocks.\1.ls1.gamma"),
    (r"^layers\.(\d+)\.ffn\.gamma2\.weight$", r"blocks.\1.ls2.gamma"),
    (r"^layers\.(\d+)\.", r"blocks.\1."),
    (r"^(?:ln|norm)1\.", "norm."),
    (r"^(?:ln|norm)2\.", "fc_norm."),
    (r"^pre_norm\.", "norm_pre."),
)


def _has_beit_positions(names: Collection[str]) -> bool:
    return any("relative_position_" in name for name in names)


def _is_beit(names: Collection[str]) -> bool:
    # timm has the tables too, but shares no table and stores no index.
    return any("relative_position_index" in name or name == _SHARED_POSITIONS for name in names)


_RESIZED = {"crop": 0.875, "squash": False}  # 256 → 224, in the code of all three
_BEIT_FORM = {"statistics": "half", "interpolation": "bicubic", **_RESIZED}

# The first layout that recognises a file's names is used.
LAYOUTS: dict[str, Layout] = {
    "mocov3": Layout(
        lambda names: any(name.startswith(("base_encoder.", "momentum_enc")) for name in names),
        _moco_v3,
        lambda _names: {"statistics": "imagenet", "interpolation": "bilinear", **_RESIZED},
    ),
    "mmpretrain": Layout(
        lambda names: any(name.startswith("backbone.") for name in names),
        _mmpretrain,
        lambda names: (
            _BEIT_FORM
            if _has_beit_positions(names)
            else {"statistics": "imagenet", "interpolation": "bicubic", **_RESIZED}
        ),
    ),
    "beit": Layout(_is_beit, _beit, lambda _names: _BEIT_FORM),
    "timm": Layout(lambda _names: True, _timm, lambda _names: {}),
}
