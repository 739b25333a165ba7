"""The catalogue of published weights: (pretext, backbone, stages) → timm's tag. Plain data.

This file reads ``weights.txt``; ``loaded`` fetches. Planning a sweep does not import timm.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Weights", "longest", "published"]


@dataclass(frozen=True)
class Weights:
    """One set of published weights.

    tag: timm's name of them, such as ``beit_base_patch16_224.in22k_ft_in22k``.
    stages: the fine-tuning stages they went through after the pretext task: ``("inter",)``.
    classes: what their classifier tells apart, by the name of an image set; None where it is of
    no use, or there is none.
    """

    pretext: str
    backbone: str
    source: str
    stages: tuple[str, ...]
    tag: str
    classes: str | None

    @property
    def chain(self) -> str:
        """The stages as the finetune axis has them: ``pt+inter``."""
        return "+".join(("pt", *self.stages))


@functools.cache
def published() -> Mapping[str, Mapping[str, tuple[Weights, ...]]]:
    """Return all weights by pretext and backbone, the default source first."""
    found: dict[str, dict[str, list[Weights]]] = {}
    lines = Path(__file__).with_name("weights.txt").read_text("ascii").splitlines()
    for line in lines:
        if not line.startswith("#"):
            pretext, backbone, *_ = line.split()
            found.setdefault(pretext, {}).setdefault(backbone, []).extend(_weights(line))
    return {
        pretext: {backbone: tuple(weights) for backbone, weights in backbones.items()}
        for pretext, backbones in found.items()
    }


def longest(
    pretext: str, backbone: str, stages: Sequence[str], id_set: str, source: str | None = None
) -> Weights | str:
    """Return the weights that went through most of ``stages``, the others being left to train.

    stages: names of the fine-tuning stages that are asked for; one that may not be taken from
    published weights is called by any name that none has. id_set: weights fine-tuned to classes are
    taken for the set of these classes only. source: None for the default of this backbone.
    Returns what there is, as a sentence for people, if there are no such weights.
    """
    backbones = published().get(pretext, {})
    if not backbones:
        return f"no published {pretext} weights are in the catalogue; name a file instead"
    here = backbones.get(backbone, ())
    if not here:
        return f"no published {pretext} weights for {backbone}; there are: {_some(backbones)}"
    sources = list(dict.fromkeys(one.source for one in here))
    if source is not None and source not in sources:
        return (
            f"no published {pretext} weights for {backbone} of source {source!r}; "
            f"there are: {', '.join(sources)}"
        )
    of_source = [one for one in here if one.source == (source or sources[0])]
    fitting = [
        one
        for one in of_source
        if one.stages == tuple(stages[: len(one.stages)])
        and ("ft" not in one.stages or one.classes == id_set)
    ]
    if not fitting:
        there = ", ".join(f"{one.chain}{_of(one)}" for one in of_source)
        asked = "+".join(("pt", *stages))
        return (
            f"no published {pretext} weights for {backbone} that {asked} can start from; "
            f"there are: {there}"
        )
    return max(fitting, key=lambda one: len(one.stages))


def _weights(line: str) -> list[Weights]:
    pretext, backbone, source, *entries = line.split()
    found = []
    for entry in entries:
        chain, _, rest = entry.partition("=")
        tag, _, classes = rest.partition("@")
        stages = tuple(chain.split("+")[1:])
        found.append(
            Weights(pretext, backbone, source, stages, f"{backbone}.{tag}", classes or None)
        )
    return found


def _of(weights: Weights) -> str:
    return f" (of {weights.classes})" if weights.classes else ""


def _some(names: Mapping[str, object]) -> str:
    return ", ".join(list(names)[:8]) + (", …" if len(names) > 8 else "")
