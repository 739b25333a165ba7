"""Training stages: image sets, choices and a checkpoint in, a checkpoint out."""

from __future__ import annotations

import numpy as np

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.methods.finetunes.run_stage import finetune
from mood_sweeps.methods.pretexts.pretrain import pretrain
from mood_sweeps.methods.tokenizers.declarations import TokenizerFile
from mood_sweeps.methods.tokenizers.read_tokenizer import read_tokenizer
from mood_sweeps.methods.tokenizers.train_tokenizer import train_tokenizer
from mood_sweeps.networks.checkpoint import Checkpoint, load
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

    group: the processes that share it; each of them calls this and gets the same checkpoint.
    The resume state is saved in the store every ``keep_every_s`` seconds; if an earlier launch was
    killed, training goes on from there. Raises LeaseLost, at a save, if another launch has taken
    over.
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
        model = work.model.parameters
        if isinstance(model, TokenizerFile):
            return read_tokenizer(model.path, work.model.digest)
        assert work.corpus is not None
        assert work.seed is not None
        corpus = work.corpus.open().open("train")
        return train_tokenizer(model, corpus, work.seed, progress=progress)
    if isinstance(work, Pretrain):
        return pretrain(
            work.pretext,
            work.backbone,
            work.corpus.open().open("train") if work.corpus else None,
            work.seed,
            tokenizer=load(store.folder(work.tokenizer)) if work.tokenizer else None,
            progress=progress,
            group=group,
        )
    assert isinstance(work, Finetune)
    images = work.id_set.open()
    return finetune(
        work.stage,
        load(store.folder(work.checkpoint)),
        images.open("train"),
        images.open("val"),
        work.seed or 0,  # without a seed nothing is drawn
        exposed=_exposed(work),
        progress=progress,
        group=group,
    )


def _exposed(work: Finetune) -> LabelledImages | None:
    if work.exposed is None:
        return None
    planned, places = work.exposed
    return planned.open().open("all").take(np.array(places, dtype=np.int64))
