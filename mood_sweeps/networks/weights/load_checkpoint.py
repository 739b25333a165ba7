"""A checkpoint from weights that others trained, without training or random numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from mood_sweeps.bank import Head
from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, Problem, StageFailed
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.networks.build_network import build, classifiers, describe_loaded, is_of_plugin
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.timm_networks import fetch, hub_name, pooling_of
from mood_sweeps.networks.weights.fit_to_network import fit_weights
from mood_sweeps.networks.weights.layouts import LAYOUTS, layout_of
from mood_sweeps.networks.weights.weights_files import State, WeightsRead, read_weights

__all__ = ["load_file", "load_published"]

_STATISTICS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def load_published(
    tag: str,
    backbone: Choice[Backbone],
    transform: str = "own",
    revision: str = "main",
    *,
    with_head: bool = False,
    file: Path | None = None,
) -> Checkpoint:
    """Return the checkpoint of published weights, as timm loads them.

    tag: timm's name of them. transform: see ``given_weights.py``. revision: of the repository on
    the Hugging Face hub. with_head: whether their classifier becomes the head. file: a copy on this
    machine, instead of the hub's. Raises StageFailed if they cannot be fetched or are not what timm
    expects.
    """
    description = describe_loaded(backbone, tag)
    overlay: dict[str, Any] = {}
    if file is not None:
        overlay["file"] = str(file)
    elif revision != "main":
        overlay["hf_hub_id"] = f"{hub_name(tag)}@{revision}"
    with reproducible(0, "load"):
        try:
            state = fetch(description, overlay)
        except RuntimeError as error:
            line = " ".join(str(error).split())[:300]
            raise StageFailed(f"the weights {tag} are not what timm expects: {line}") from error
        except Exception as error:  # the hub's errors have no narrower base class
            line = (str(error).splitlines() or [type(error).__name__])[0]
            raise StageFailed(
                f"the weights {tag} cannot be fetched ({line}); where there is no network, "
                f"download them elsewhere (huggingface.co/{hub_name(tag)}) and name the file, "
                "weights: PATH"
            ) from error
        try:
            return _checkpoint(state, description, transform, {}, with_head, {"tag": tag})
        except InputError as error:
            raise StageFailed(f"the weights {tag}: {error}") from error


def load_file(
    path: Path,
    backbone: Choice[Backbone],
    layout: str = "auto",
    transform: str = "own",
    *,
    classes: int | None = None,
    averaged: bool = True,
) -> Checkpoint:
    """Return the checkpoint of the weights in a file.

    layout: a key of `layouts.LAYOUTS`, or ``auto``. transform: see ``given_weights.py``. classes:
    the number of classes that the file's classifier must have to become the head; None: no head.
    averaged: see `read_weights`; the architecture's ``loaded`` records which weights were read.
    Raises InputError, naming the file and what is wrong with it.
    """
    read = read_weights(path, averaged=averaged)
    raw = read.state
    description = describe_loaded(backbone)
    if is_of_plugin(description) and layout == "auto":
        layout = "timm"  # the names of a user's network are its own, whatever they look like
    layout = layout_of(raw, layout)
    has_own_form = is_of_plugin(description) or backbone.parameters.timm_name is not None
    with reproducible(0, "load"):
        try:
            names = build(description).state_dict()
            state = LAYOUTS[layout].translate(dict(raw), names)
            form = {} if has_own_form else LAYOUTS[layout].form(raw)
            if (
                "fc_norm.weight" in state
                and "fc_norm.weight" not in names
                and "norm.weight" in names
            ):
                # A ViT fine-tuned on its mean token has its last norm after pooling, as fc_norm.
                description["options"] = {**description["options"], "global_pool": "avg"}
            origin: dict[str, Any] = {"layout": layout, "left_out": _left_out(raw, state, names)}
            if read.is_average or read.others:
                origin |= {"taken": read.taken, "is_average": read.is_average}
                origin["others"] = list(read.others)
            checkpoint = _checkpoint(
                state, description, transform, form, classes is not None, origin
            )
        except InputError as error:
            raise InputError(
                Problem(
                    f"{path} (read as layout {layout!r}{_which_weights(read)}) {problem.message}"
                )
                for problem in error.problems
            ) from None
    if classes is not None and (checkpoint.head is None or len(checkpoint.head.bias) != classes):
        has = f"has {len(checkpoint.head.bias)} outputs" if checkpoint.head else "is not there"
        raise InputError(f"{path}: a classifier of {classes} classes is asked for, and its {has}")
    return checkpoint


def _which_weights(read: WeightsRead) -> str:
    """Return which of a file's sets of weights was read, in words for an error."""
    if not read.is_average or not read.others:
        return ""
    return f", from {read.taken!r}, the average; 'averaged: false' takes the raw weights"


def _checkpoint(
    state: State,
    description: dict[str, Any],
    transform: str,
    form: Mapping[str, Any],
    with_head: bool,
    loaded: Mapping[str, Any],
) -> Checkpoint:
    network = build(description)
    weights, classifier = fit_weights(state, network, classifiers(description))
    head = _head(classifier, network) if with_head else None
    architecture = {
        **description,
        "input": _input(description["input"], form, transform),
        "pooling": pooling_of(network),
        "loaded": dict(loaded),
    }
    return Checkpoint(architecture, weights, head)


def _input(own: Mapping[str, Any], form: Mapping[str, Any], transform: str) -> dict[str, Any]:
    """Return the ``input`` of a description under a transform (see ``given_weights.py``)."""
    if transform == "moodv2":
        plain = {name: own[name] for name in ("size", "channels")}
        return {**plain, **_normalised("half", own["channels"])}
    changed = {name: value for name, value in form.items() if name != "statistics"}
    statistics = transform if transform in _STATISTICS else form.get("statistics")
    if statistics is not None:
        changed |= _normalised(statistics, own["channels"])
    return {**own, **changed}


def _normalised(statistics: str, channels: int) -> dict[str, list[float]]:
    mean, std = (
        list(values) if channels == 3 else [sum(values) / 3] for values in _STATISTICS[statistics]
    )
    return {"mean": mean, "std": std}


def _head(classifier: State, network: nn.Module) -> Head | None:
    weight, bias = classifier.get("weight"), classifier.get("bias")
    if weight is None or weight.ndim != 2:
        return None
    if weight.shape[1] != network.num_features:
        raise InputError(
            f"has a classifier on {weight.shape[1]} features, the backbone has "
            f"{network.num_features}"
        )
    bias = weight.new_zeros(len(weight)) if bias is None else bias
    return Head(weight.float().numpy().copy(), bias.float().numpy().copy())


def _left_out(raw: State, state: State, names: Collection[str]) -> dict[str, int]:
    """Return the number of a file's weights that are not used, by the first part of their names."""
    used = {id(value) for name, value in state.items() if name in names}
    return dict(Counter(name.partition(".")[0] for name in raw if id(raw[name]) not in used))
