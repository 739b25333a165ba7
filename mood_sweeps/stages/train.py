"""Pretrain and finetune stages: image sets and choices in, a checkpoint out."""

from __future__ import annotations

from mood_sweeps.datasets.catalogue import image_set
from mood_sweeps.planner.stage import Finetune, Pretrain, Stage
from mood_sweeps.representations.checkpoint import Checkpoint, load
from mood_sweeps.representations.finetune import finetune
from mood_sweeps.representations.pretrain import pretrain
from mood_sweeps.representations.progress import Progress
from mood_sweeps.store import Lease, Store

__all__ = ["train"]


def train(stage: Stage, store: Store, lease: Lease | None, keep_every_s: float) -> Checkpoint:
    """Return the checkpoint a training stage makes; raise StageFailed if training diverges.

    Its state is kept in the store every ``keep_every_s`` seconds, and taken up from there if an
    earlier launch was killed. Raises LeaseLost, when it would be kept, if another launch has
    taken over.
    """
    work = stage.work
    digests = {ref.key: store.manifest(ref).digest for ref in stage.inputs}
    progress = Progress(store.unfinished(stage.ref, lease), keep_every_s, digests)
    if isinstance(work, Pretrain):
        corpus = image_set(work.corpus).load("train") if work.corpus else None
        return pretrain(work.pretext, work.backbone, corpus, work.seed, progress=progress)
    assert isinstance(work, Finetune)
    images = image_set(work.id_set)
    return finetune(
        work.stage,
        load(store.folder(work.checkpoint)),
        images.load("train"),
        images.load("val"),
        work.seed or 0,  # without a seed nothing is drawn
        progress=progress,
    )
