"""The kinds of stages: what enters every key of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["STAGE_KINDS", "StageKind"]


@dataclass(frozen=True)
class StageKind:
    """One kind of stage.

    name: enters keys and seeds, so it never changes. version: enters keys; raise it when the same
    inputs would give other numbers, never otherwise. uses_seed: whether a key of this kind may hold
    the axis seed. feeds_banks: whether banks are made from its objects: a checkpoint, or the head
    of external features.
    """

    name: str
    version: int
    uses_seed: bool = False
    feeds_banks: bool = False


STAGE_KINDS: Mapping[str, StageKind] = {
    kind.name: kind
    for kind in (
        StageKind("tokenizer", 3, uses_seed=True, feeds_banks=True),
        StageKind("pretrain", 3, uses_seed=True, feeds_banks=True),
        StageKind("load", 2, feeds_banks=True),
        StageKind("finetune", 3, uses_seed=True, feeds_banks=True),
        StageKind("extract", 2),
        StageKind("given", 2, feeds_banks=True),
        StageKind("ensemble", 1, feeds_banks=True),
        StageKind("picture", 2),
        StageKind("fit", 1),
        StageKind("select", 1),
        StageKind("score", 1),
        StageKind("evaluate", 2),
    )
}
"""Every kind by its name, in the order in which work flows."""
