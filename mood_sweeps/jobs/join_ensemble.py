"""The join job: the heads, or the banks of the same images, of several members become one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import StageFailed
from mood_sweeps.jobs.context import JobContext, Product, make_object
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stage_inputs import EnsembleBank, EnsembleHead
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store.codecs import load_bank, load_head, load_ids, save_bank, save_head, save_ids

__all__ = ["join_banks", "join_heads", "run"]


def run(call: Call, context: JobContext) -> Outcome:
    """Join the heads or banks that the call's stage names."""

    def make(stage: Stage) -> Product:
        work = stage.work
        assert isinstance(work, EnsembleHead | EnsembleBank)
        folders = [context.store.folder(ref) for ref in work.members]
        if isinstance(work, EnsembleBank):
            head = load_head(context.store.folder(work.ensemble))
            bank = join_banks([load_bank(folder) for folder in folders], head)
            ids = load_ids(folders[0])
            return Product(lambda folder: _save(bank, ids, folder))
        joined = join_heads([load_head(folder) for folder in folders])
        return Product(_nothing if joined is None else lambda folder: save_head(joined, folder))

    return make_object(call, context, make)


def _save(bank: FeatureBank, ids: Sequence[str] | None, folder: Path) -> None:
    save_bank(bank, folder)
    if ids is not None:
        save_ids(ids, folder)


def _nothing(_folder: Path) -> None:
    """Write no file: a headless ensemble's object is its manifest."""


def join_heads(heads: Sequence[Head | None]) -> Head | None:
    """Return the head on features side by side; its logits are the mean of those of ``heads``.

    Mean logits are OpenOOD's ensemble; their softmax is the members' geometric mean. None where
    the members are headless.
    """
    known = [head for head in heads if head is not None]
    if len(known) < len(heads):
        return None
    weight = np.concatenate([head.weight for head in known], axis=1) / np.float32(len(known))
    return Head(weight, np.mean([head.bias for head in known], axis=0, dtype=np.float32))


def join_banks(banks: Sequence[FeatureBank], head: Head | None) -> FeatureBank:
    """Return the bank with the features of all, float32 (N, sum of widths), and ``head``'s logits.

    banks: of the same images in the same order. Raises StageFailed if their images differ.
    """
    if len({bank.ids_digest for bank in banks}) > 1:
        raise StageFailed("the banks to join are of different images")
    features = np.concatenate([bank.features for bank in banks], axis=1)
    logits = None if head is None else head.logits(features)
    return FeatureBank(features, banks[0].labels, logits, ids_digest=banks[0].ids_digest)
