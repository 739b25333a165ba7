"""Training and load stages: image sets, choices and weights in, a checkpoint out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.errors import InputError
from mood_sweeps.identity import file_digest
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.methods.tokenizers.read_tokenizer import read_tokenizer
from mood_sweeps.methods.tokenizers.train_tokenizer import train_tokenizer
from mood_sweeps.networks.checkpoint import Checkpoint, load
from mood_sweeps.networks.weights.load_checkpoint import load_file, load_published
from mood_sweeps.planning.load_weights import LoadFile, LoadPublished
from mood_sweeps.planning.stage_inputs import Finetune, Pretrain, Tokenizer
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Lease, Store
from mood_sweeps.training.process_group import SINGLE_PROCESS, ProcessGroup
from mood_sweeps.training.resume_state import ResumeState

__all__ = ["input_digests", "train", "train_from"]


def train(
    stage: Stage,
    store: Store,
    lease: Lease | None,
    keep_every_s: float,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Checkpoint:
    """Return the checkpoint a training stage makes; raise StageFailed if training diverges.

    team: who shares it; each of them calls this, and they come to the same.
    Its state is kept in the store every ``keep_every_s`` seconds, and taken up from there if an
    earlier launch was killed. Raises LeaseLost, when it would be kept, if another launch has
    taken over.
    """
    kept = store.unfinished(stage.ref, lease)
    return train_from(
        stage, store, ResumeState(kept, keep_every_s, input_digests(stage, store)), group
    )


def input_digests(stage: Stage, store: Store) -> dict[str, str]:
    """Return the digests of what a stage starts from, by key."""
    return {ref.key: store.manifest(ref).digest for ref in stage.inputs}


def train_from(
    stage: Stage, store: Store, progress: ResumeState, group: ProcessGroup = SINGLE_PROCESS
) -> Checkpoint:
    """Return the checkpoint a training stage makes, going on from ``progress``; see `train`."""
    work = stage.work
    if isinstance(work, Tokenizer):
        if work.corpus is None or work.seed is None:
            return read_tokenizer(work.model)
        corpus = image_set(work.corpus).load("train")
        return train_tokenizer(work.model, corpus, work.seed, progress=progress)
    if isinstance(work, LoadPublished):
        return load_published(
            work.tag, work.backbone, work.transform, work.revision, with_head=work.with_head
        )
    if isinstance(work, LoadFile):
        return _from_file(work)
    if isinstance(work, Pretrain):
        return pretrain(
            work.pretext,
            work.backbone,
            image_set(work.corpus).load("train") if work.corpus else None,
            work.seed,
            tokenizer=load(store.folder(work.tokenizer)) if work.tokenizer else None,
            progress=progress,
            group=group,
        )
    assert isinstance(work, Finetune)
    images = image_set(work.id_set)
    return finetune(
        work.stage,
        load(store.folder(work.checkpoint)),
        images.load("train"),
        images.load("val"),
        work.seed or 0,  # without a seed nothing is drawn
        exposed=_exposed(work),
        progress=progress,
        group=group,
    )


def _exposed(work: Finetune) -> LabelledImages | None:
    if work.exposed is None:
        return None
    name, places = work.exposed
    return image_set(name).load("all").take(np.array(places, dtype=np.int64))


def _from_file(work: LoadFile) -> Checkpoint:
    path = Path(work.path)
    checkpoint = load_file(
        path,
        work.backbone,
        work.layout,
        work.transform,
        classes=work.classes,
        averaged=work.averaged,
    )
    # Looked at last, so that what was read is what the key says.
    if file_digest(path) != work.digest:
        raise InputError(f"{path} changed after the launch was planned; launch again")
    return checkpoint
