"""The stages behind a representation, as the store remembers them."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mood_sweeps.store import Manifest, Ref, Store
from mood_sweeps.tracking.names import flat, metric_safe

__all__ = ["MAX_POINTS", "Point", "TrainedStage", "training_stages"]

MAX_POINTS = 1000
"""How many points of one curve are shown at most."""

CURVES = "curves.json"
_KINDS = ("finetune", "pretrain", "load", "tokenizer", "given")
_UPSTREAM = ("checkpoint", "tokenizer")
"""Where a stage's content has the key of the training stage before it."""

_NOT_PARAMETERS = frozenset({"kind", "version", *_UPSTREAM})


@dataclass(frozen=True)
class Point:
    """One value of a metric.

    time_ms: the same whenever it is asked for, so that MLflow recognises a replay.
    model_id, dataset: the logged model it is a property of, and the (name, digest) of what that
        was measured on; MLflow then shows it on the model's page too.
    """

    name: str
    step: int
    value: float
    time_ms: int
    model_id: str | None = None
    dataset: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class TrainedStage:
    """One training stage of a chain; where features were given, the one that took them over.

    name: its kind, numbered where a chain has it twice.
    """

    name: str
    manifest: Manifest
    folder: Path

    def parameters(self) -> dict[str, str]:
        """Return what it was made with, defaults included: ``pretrain.pretext`` → ``mim``."""
        origin = self.manifest.origin
        content = {**origin.content, **origin.choices}
        chosen = {name: value for name, value in content.items() if name not in _NOT_PARAMETERS}
        return flat(chosen, self.name)

    def points(self, from_ms: int) -> list[Point]:
        """Return its curves, each thinned to ``MAX_POINTS`` points (the last one is kept).

        from_ms: the time of step 0, a millisecond before that of step 1.
        """
        path = self.folder / CURVES
        if not path.is_file():
            return []
        curves: dict[str, list[Point]] = {}
        for index, entry in enumerate(json.loads(path.read_text())):
            step = int(entry.get("epoch", index))
            for name, value in entry.items():
                if name != "epoch" and _is_number(value):
                    point = Point(f"{self.name}/{metric_safe(name)}", step, value, from_ms + step)
                    curves.setdefault(name, []).append(point)
        return [point for curve in curves.values() for point in _thinned(curve)]


def training_stages(store: Store, checkpoint_key: str) -> list[TrainedStage]:
    """Return the stages that made a checkpoint, first to last.

    The chain ends early where an object is no longer in the store. Raises CorruptObject if the
    bytes of one changed.
    """
    chain: list[tuple[Manifest, Path]] = []
    key: Any = checkpoint_key
    while isinstance(key, str):
        ref = next((Ref(kind, key) for kind in _KINDS if store.has(Ref(kind, key))), None)
        if ref is None:
            break
        manifest = store.manifest(ref)
        chain.append((manifest, store.folder(ref)))
        content = manifest.origin.content
        key = next((content[name] for name in _UPSTREAM if name in content), None)
    chain.reverse()
    often = Counter(manifest.kind for manifest, _ in chain)
    seen: Counter[str] = Counter()
    stages = []
    for manifest, folder in chain:
        seen[manifest.kind] += 1
        number = f"-{seen[manifest.kind]}" if often[manifest.kind] > 1 else ""
        stages.append(TrainedStage(manifest.kind + number, manifest, folder))
    return stages


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _thinned(curve: list[Point]) -> list[Point]:
    stride = math.ceil(len(curve) / MAX_POINTS)
    # Counted from the end, because the last value is the one people look for.
    return curve[::-1][::stride][::-1]
