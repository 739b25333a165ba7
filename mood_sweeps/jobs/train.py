"""The train job: a tokenizer, pretrain or finetune stage; a search where the stage is tuned."""

from __future__ import annotations

import math

from mood_sweeps.jobs.context import JobContext, Product, make_object
from mood_sweeps.jobs.data_parallel import WorkerRank, train_data_parallel
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.stages_by_plugins import checkpoint_by_plugin
from mood_sweeps.jobs.tuning_trials import train_or_tune
from mood_sweeps.note import doubt_about
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Store

__all__ = ["assist", "run"]


def run(call: Call, context: JobContext) -> Outcome:
    """Train the call's stage, alone or as the leader of those that `assist`."""

    def make(stage: Stage) -> Product:
        store, lease, every_s = context.store, context.lease, context.settings.keep_every_s
        if stage.plugins:
            checkpoint = checkpoint_by_plugin(stage, context)
        elif context.worker_rank is not None:
            checkpoint = train_data_parallel(stage, store, lease, every_s, context.worker_rank)
        else:
            checkpoint = train_or_tune(stage, store, lease, every_s, context.run_trials)
        findings = checkpoint.findings
        doubts = (doubt_about(stage.label, findings),) if findings else ()
        return Product(checkpoint.save, checkpoint.measured, doubts)

    return make_object(call, context, make)


def assist(call: Call, store: Store, worker_rank: WorkerRank) -> Outcome:
    """Share the training of the leader, which alone saves its state and publishes."""
    stage = call.stage
    if store.has(stage.ref):
        return Outcome(call.key, "reused")
    train_data_parallel(stage, store, None, math.inf, worker_rank)
    return Outcome(call.key, "done")
