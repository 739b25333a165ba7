"""The catalogue of published weights: (pretext, backbone, stages) → timm's tag. Plain data.

This file reads ``weights.txt``; ``load_checkpoint.py`` fetches. Planning a sweep does not import
timm.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Weights", "find_weights", "published"]


@dataclass(frozen=True)
class Weights:
    """One set of published weights.

    tag: timm's name of them, such as ``beit_base_patch16_224.in22k_ft_in22k``.
    stages: the fine-tuning stages that followed the pretext task, such as ``("inter",)``.
    classes: the image set with the classes of their classifier; None if there is no classifier, or
    none that an ID set can use.
    """

    pretext: str
    backbone: str
    source: str
    stages: tuple[str, ...]
    tag: str
    classes: str | None

    @property
    def chain(self) -> str:
        """The stages as the finetune axis writes them: ``pt+inter``."""
        return "+".join(("pt", *self.stages))


@functools.cache
def published() -> Mapping[str, Mapping[str, tuple[Weights, ...]]]:
    """Return all weights by pretext and backbone, the default source first."""
    catalogue: dict[str, dict[str, list[Weights]]] = {}
    lines = Path(__file__).with_name("weights.txt").read_text("ascii").splitlines()
    for line in lines:
        if not line.startswith("#"):
            pretext, backbone, *_ = line.split()
            catalogue.setdefault(pretext, {}).setdefault(backbone, []).extend(_weights(line))
    return {
        pretext: {backbone: tuple(weights) for backbone, weights in backbones.items()}
        for pretext, backbones in catalogue.items()
    }


def find_weights(
    pretext: str, backbone: str, stages: Sequence[str], id_set: str, source: str | None = None
) -> Weights | str:
    """Return the weights that went through most of ``stages``; the other stages remain to train.

    stages: names of the requested fine-tuning stages; a stage that must be trained here has a name
    that no published weights have. id_set: weights that were fine-tuned to classes are used only
    if their classes are this set's. source: None for the default of this backbone.
    If there are no such weights, returns a sentence for the user that lists what exists.
    """
    backbones = published().get(pretext, {})
    if not backbones:
        return f"no published {pretext} weights are in the catalogue; name a file instead"
    of_backbone = backbones.get(backbone, ())
    if not of_backbone:
        return (
            f"no published {pretext} weights for {backbone}; there are: {_first_names(backbones)}"
        )
    sources = list(dict.fromkeys(one.source for one in of_backbone))
    if source is not None and source not in sources:
        return (
            f"no published {pretext} weights for {backbone} of source {source!r}; "
            f"there are: {', '.join(sources)}"
        )
    of_source = [one for one in of_backbone if one.source == (source or sources[0])]
    fitting = [
        one
        for one in of_source
        if one.stages == tuple(stages[: len(one.stages)])
        and ("ft" not in one.stages or one.classes == id_set)
    ]
    if not fitting:
        existing = ", ".join(f"{one.chain}{_of_classes(one)}" for one in of_source)
        requested = "+".join(("pt", *stages))
        return (
            f"no published {pretext} weights for {backbone} that {requested} can start from; "
            f"there are: {existing}"
        )
    return max(fitting, key=lambda one: len(one.stages))


def _weights(line: str) -> list[Weights]:
    pretext, backbone, source, *entries = line.split()
    weights = []
    for entry in entries:
        chain, _, rest = entry.partition("=")
        tag, _, classes = rest.partition("@")
        stages = tuple(chain.split("+")[1:])
        weights.append(
            Weights(pretext, backbone, source, stages, f"{backbone}.{tag}", classes or None)
        )
    return weights


def _of_classes(weights: Weights) -> str:
    return f" (of {weights.classes})" if weights.classes else ""


def _first_names(names: Mapping[str, object]) -> str:
    return ", ".join(list(names)[:8]) + (", …" if len(names) > 8 else "")
