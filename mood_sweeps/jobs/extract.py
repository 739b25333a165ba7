"""The extract job: the banks of one checkpoint; its network is built once for all of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mood_sweeps.bank import FeatureBank
from mood_sweeps.jobs.context import JobContext
from mood_sweeps.jobs.images_of_banks import images_of
from mood_sweeps.jobs.outcome import Outcome, made_of
from mood_sweeps.jobs.stages_by_plugins import banks_by_plugin
from mood_sweeps.networks.checkpoint import load
from mood_sweeps.networks.extract_features import extract
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Ref, Store
from mood_sweeps.store.codecs import save_bank, save_ids

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(call: Call, context: JobContext) -> Outcome:
    """Extract and publish the banks that the store lacks."""
    store = context.store
    missing = [stage for stage in call.stages if not store.has(stage.ref)]
    made = [context.described(stage) for stage in call.stages if stage not in missing]
    if not missing:
        return Outcome(call.key, "reused", made=tuple(made))
    (checkpoint,) = call.needs
    started = time.perf_counter()
    if missing[0].plugins:
        banks = banks_by_plugin(checkpoint, missing, context)
    else:
        banks = _banks(checkpoint, missing, store)
    for stage, bank, ids in banks:
        seconds = time.perf_counter() - started

        def save(folder: Path, bank: FeatureBank = bank, ids: Sequence[str] = ids) -> None:
            save_bank(bank, folder)
            save_ids(ids, folder)

        manifest = store.publish(
            stage.ref,
            save,
            context.origin(stage),
            context.lease,
            seconds,
            doubts=context.doubts(stage.inputs),
        )
        made.append(made_of(stage, manifest))
        started = time.perf_counter()
    return Outcome(call.key, "done", made=tuple(made))


def _banks(
    checkpoint: Ref, stages: Sequence[Stage], store: Store
) -> Iterator[tuple[Stage, FeatureBank, Sequence[str]]]:
    """Yield the bank of each extract stage and the ids of its images; the network is built once."""
    network = load(store.folder(checkpoint))
    for stage in stages:
        assert isinstance(stage.work, Extract)
        images = images_of(stage.work)
        bank = extract(network, images)
        _log.info("extracted %s: features %s", stage.label, bank.features.shape)
        yield stage, bank, images.ids
