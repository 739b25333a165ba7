"""Stages that need a plugin's code: performed in its process, judged here when they come back.

What a plugin's process left behind is read as data: weights, a head and curves, or features. Image
sets, labels and logits are never the plugin's: they are this process's own.
"""

from __future__ import annotations

import dataclasses
import json
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.jobs.context import JobContext
from mood_sweeps.jobs.images_of_banks import images_of
from mood_sweeps.networks.checkpoint import Checkpoint, has_only_finite_weights, load
from mood_sweeps.networks.extract_features import bank_of
from mood_sweeps.planning.stage_inputs import Extract, Finetune
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_entries import PluginEntry, entry_of
from mood_sweeps.plugins.shared_arrays import mapped
from mood_sweeps.store import Ref, Store
from mood_sweeps.store.codecs import load_head

__all__ = ["banks_by_plugin", "checkpoint_by_plugin"]

_THERE = "mood_sweeps.jobs.inside_plugin_process"


def checkpoint_by_plugin(stage: Stage, context: JobContext) -> Checkpoint:
    """Return the checkpoint of a train or load stage.

    Raises PluginFailed if the plugin raises, crashes, makes no progress for the time limit, or
    leaves behind what is no checkpoint of this stage; else as `train` and `load` do.
    """
    store = context.store
    for ref in stage.inputs:
        store.folder(ref)  # a corrupt input is found here, where it is dealt with
    arguments = (stage, str(store.root), context.lease, context.settings.keep_every_s)

    def read(answer: Any, folder: Path) -> Checkpoint:
        checkpoint = _read_checkpoint(folder)
        _judge_weights(checkpoint, stage, store)
        return dataclasses.replace(
            checkpoint,
            measured={str(name): float(value) for name, value in answer["measured"].items()},
            findings=tuple(map(str, answer["findings"])),
            trials=list(answer["trials"]),
        )

    return context.runner.stages.perform(
        stage.plugins,
        _place_of(stage),
        f"{stage.kind} {stage.label}",
        f"{_THERE}:make_checkpoint",
        arguments,
        read,
    )


def banks_by_plugin(
    checkpoint: Ref, stages: Sequence[Stage], context: JobContext
) -> Iterator[tuple[Stage, FeatureBank, Sequence[str]]]:
    """Yield the bank of each extract stage of a checkpoint and the ids of its images.

    Raises as `checkpoint_by_plugin`.
    """
    folder = context.store.folder(checkpoint)
    head = load_head(folder)
    for stage in stages:
        work = stage.work
        assert isinstance(work, Extract)
        images = images_of(work)

        def read(answer: Any, into: Path, count: int = len(images)) -> Any:
            del answer
            return _judged_features(mapped(into / "0.npy"), count, head)

        features = context.runner.stages.perform(
            stage.plugins,
            _place_of(stage),
            f"{stage.kind} {stage.label}",
            f"{_THERE}:extract_features",
            (stage, str(folder)),
            read,
        )
        yield stage, bank_of(features, images, head), images.ids


def _place_of(stage: Stage) -> str:
    """Return ``file:line`` of the entry that a stage needs the code of."""
    parts = [getattr(stage.work, field.name) for field in dataclasses.fields(stage.work)]
    for part in parts:
        parameters = getattr(part, "parameters", None)
        if isinstance(parameters, PluginEntry):
            return entry_of(parameters).place
    return f"{stage.plugins[0].path}:1"


def _read_checkpoint(folder: Path) -> Checkpoint:
    for path in folder.iterdir():
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError(f"left behind {path.name}, which is no regular file")
    return load(folder)


def _judge_weights(checkpoint: Checkpoint, stage: Stage, store: Store) -> None:
    """Raise ValueError where weights or head cannot be those of the stage."""
    if not has_only_finite_weights(checkpoint):
        raise ValueError("left weights that are no finite numbers")
    head = checkpoint.head
    if head is not None and not (
        head.weight.ndim == 2
        and head.bias.shape == head.weight.shape[:1]
        and np.isfinite(head.weight).all()
        and np.isfinite(head.bias).all()
    ):
        raise ValueError(
            f"left a head of shapes {head.weight.shape} and {head.bias.shape}; wanted are finite "
            "numbers (C, D) and (C,)"
        )
    if isinstance(stage.work, Finetune):
        before = load(store.folder(stage.work.checkpoint))
        shapes = {name: tuple(value.shape) for name, value in before.weights.items()}
        if {name: tuple(value.shape) for name, value in checkpoint.weights.items()} != shapes:
            raise ValueError("left weights of other names or shapes than it started from")
        if json.dumps(checkpoint.architecture) != json.dumps(before.architecture):
            raise ValueError("left weights of another network than it started from")


def _judged_features(features: Any, count: int, head: Head | None) -> Any:
    """Return features as float32 (N, D) in memory; raise ValueError where they are none."""
    width = "D" if head is None else str(head.weight.shape[1])
    if (
        features.dtype != np.float32
        or features.ndim != 2
        or len(features) != count
        or not features.shape[1]
        or (head is not None and features.shape[1] != head.weight.shape[1])
    ):
        raise ValueError(
            f"gave {features.dtype} features of shape {features.shape}, not float32 "
            f"({count}, {width})"
        )
    if not np.isfinite(features).all():
        raise ValueError("gave features that are no finite numbers")
    return np.array(features, order="C")
