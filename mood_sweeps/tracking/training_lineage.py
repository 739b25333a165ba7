"""The stages behind a representation, as recorded in the store."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mood_sweeps.stage_kinds import STAGE_KINDS
from mood_sweeps.store import Manifest, Ref, Store
from mood_sweeps.tracking.mlflow_names import flat, metric_safe

__all__ = ["MAX_POINTS", "Point", "TrainedStage", "Trial", "training_manifests", "training_stages"]

MAX_POINTS = 1000
"""At most so many points of one curve are shown."""

CURVES, TRIALS = "curves.json", "trials.json"
_KINDS = tuple(kind.name for kind in STAGE_KINDS.values() if kind.feeds_banks)
_UPSTREAM = ("checkpoint", "tokenizer")
"""The entries of a stage's content that hold the key of the training stage before it."""

_NOT_PARAMETERS = frozenset({"kind", "version", *_UPSTREAM})


@dataclass(frozen=True)
class Point:
    """One value of a metric.

    time_ms: the same every time, so that MLflow recognises a repeated point.
    model_id, dataset: the logged model that it belongs to, and (name, digest) of the data it was
        measured on; MLflow then shows it on the model's page too.
    """

    name: str
    step: int
    value: float
    time_ms: int
    model_id: str | None = None
    dataset: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Trial:
    """One setting that a tuned stage tried, as MLflow shows it."""

    number: int
    parameters: dict[str, str]
    points: list[Point]
    tags: dict[str, str]


@dataclass(frozen=True)
class TrainedStage:
    """One training stage of a chain; for external features, the stage that imported them.

    name: its kind, numbered where a chain has it twice.
    """

    name: str
    manifest: Manifest
    folder: Path

    def parameters(self) -> dict[str, str]:
        """Return its parameters, defaults included: ``pretrain.pretext`` → ``mim``."""
        origin = self.manifest.origin
        content = {**origin.content, **origin.choices}
        chosen = {name: value for name, value in content.items() if name not in _NOT_PARAMETERS}
        return flat(chosen, self.name)

    def points(self, from_ms: int) -> list[Point]:
        """Return its curves, each thinned to ``MAX_POINTS`` points (the last one is kept).

        Also single points for other measurements of its run: images per second, memory.
        from_ms: the time of step 0; each step is a millisecond later.
        """
        path = self.folder / CURVES
        curves = self._curves(json.loads(path.read_text()), from_ms) if path.is_file() else []
        measured = self.manifest.measured.items()
        return [*curves, *(self._point(name, 0, value, from_ms) for name, value in measured)]

    def trials(self, from_ms: int) -> list[Trial]:
        """Return its trials, if it was tuned; their points as in `points`."""
        path = self.folder / TRIALS
        rows = json.loads(path.read_text()) if path.is_file() else []
        return [
            Trial(
                row["trial"],
                {"stage": self.name, **flat(row["parameters"], self.name)},
                self._curves([*row["curves"], *_on_rungs(row)], from_ms),
                {"mood.is_winner": str(row["is_winner"]), "mood.error": row["error"]},
            )
            for row in rows
        ]

    def _curves(self, entries: Iterable[dict[str, Any]], from_ms: int) -> list[Point]:
        curves: dict[str, list[Point]] = {}
        for index, entry in enumerate(entries):
            step = int(entry.get("epoch", index))
            for name, value in entry.items():
                if name != "epoch" and _is_number(value):
                    point = self._point(name, step, value, from_ms + step)
                    curves.setdefault(name, []).append(point)
        return [point for curve in curves.values() for point in _thinned(curve)]

    def _point(self, name: str, step: int, value: float, time_ms: int) -> Point:
        return Point(f"{self.name}/{metric_safe(name)}", step, value, time_ms)


def training_stages(store: Store, checkpoint_key: str) -> list[TrainedStage]:
    """Return the stages that made a checkpoint, first to last.

    The chain ends early where an object is no longer in the store. Raises CorruptObject if the
    bytes of one changed.
    """
    chain = training_manifests(store, checkpoint_key)
    n_of_kind = Counter(manifest.kind for manifest in chain)
    seen: Counter[str] = Counter()
    stages = []
    for manifest in chain:
        seen[manifest.kind] += 1
        number = f"-{seen[manifest.kind]}" if n_of_kind[manifest.kind] > 1 else ""
        folder = store.folder(Ref(manifest.kind, manifest.key))
        stages.append(TrainedStage(manifest.kind + number, manifest, folder))
    return stages


def training_manifests(store: Store, checkpoint_key: str) -> list[Manifest]:
    """Return the manifests of a checkpoint's stages, first to last, as far back as they exist.

    Raises CorruptObject if one cannot be read; reads no other file of an object.
    """
    chain: list[Manifest] = []
    key: Any = checkpoint_key
    while isinstance(key, str):
        ref = next((Ref(kind, key) for kind in _KINDS if store.has(Ref(kind, key))), None)
        if ref is None:
            break
        manifest = store.manifest(ref)
        chain.append(manifest)
        content = manifest.origin.content
        key = next((content[name] for name in _UPSTREAM if name in content), None)
    return chain[::-1]


def _on_rungs(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a trial's accuracies on its rungs, unless its curves hold them."""
    accuracies = zip(row["rungs"], row["validation_accuracy"], strict=True)
    if any("validation_accuracy" in entry for entry in row["curves"]):
        return []
    return [{"epoch": epoch, "validation_accuracy": value} for epoch, value in accuracies]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _thinned(curve: list[Point]) -> list[Point]:
    stride = math.ceil(len(curve) / MAX_POINTS)
    # Counted from the end, to keep the last value, which people look for.
    return curve[::-1][::stride][::-1]
