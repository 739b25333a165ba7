"""Pretrain and finetune stages: image sets and choices in, a checkpoint out."""

from __future__ import annotations

from mood_sweeps.datasets.catalogue import image_set
from mood_sweeps.planner.stage import Finetune, Pretrain
from mood_sweeps.representations.checkpoint import Checkpoint, load
from mood_sweeps.representations.finetune import finetune
from mood_sweeps.representations.pretrain import pretrain
from mood_sweeps.store import Store

__all__ = ["train"]


def train(work: Pretrain | Finetune, store: Store) -> Checkpoint:
    """Return the checkpoint a training stage makes; raise StageFailed if training diverges."""
    if isinstance(work, Pretrain):
        corpus = image_set(work.corpus).load("train") if work.corpus else None
        return pretrain(work.pretext, work.backbone, corpus, work.seed)
    images = image_set(work.id_set)
    return finetune(
        work.stage,
        load(store.folder(work.checkpoint)),
        images.load("train"),
        images.load("val"),
        work.seed,
    )
