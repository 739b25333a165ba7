"""What a job gets beside its call, and how it publishes the object of one stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mood_sweeps.jobs.outcome import Made, Outcome, made_of
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store import Lease, Origin, Ref, Store

if TYPE_CHECKING:
    from mood_sweeps.jobs.data_parallel import WorkerRank
    from mood_sweeps.jobs.tuning_trials import Trials

__all__ = ["JobContext", "Product", "RunTrials", "make_object"]

RunTrials = Callable[["Trials"], None]


@dataclass(frozen=True, eq=False)
class JobContext:
    """What a job gets beside its call.

    lease: objects are published only while it is held. runner: fits and scores. gpu: the name of
    the GPU that this job computes on; None for the CPU. environment: see `engine.environment`.
    run_trials: runs the search of a tuned stage; None runs one trial after another here.
    worker_rank: the rank of this process among those that share a training; None for no others.
    """

    store: Store
    lease: Lease
    settings: WorkerSettings
    runner: ScorerRunner
    gpu: str | None
    environment: Mapping[str, str]
    run_trials: RunTrials | None = None
    worker_rank: WorkerRank | None = None

    def origin(self, stage: Stage) -> Origin:
        """Return what a stage's manifest says of its making."""
        return Origin(
            content=stage.content,
            inputs={ref.key: self.store.manifest(ref).digest for ref in stage.inputs},
            environment=self.environment,
            choices=stage.choices(),
        )

    def doubts(self, inputs: Iterable[Ref]) -> tuple[str, ...]:
        """Return the doubts about the trainings behind a stage's inputs."""
        found = (doubt for ref in inputs for doubt in self.store.manifest(ref).doubts)
        return tuple(dict.fromkeys(found))

    def described(self, stage: Stage) -> Made:
        """Return the description of an object that is in the store."""
        return made_of(stage, self.store.manifest(stage.ref))


@dataclass(frozen=True, eq=False)
class Product:
    """The result of a stage. save: writes it into a folder. measured, doubts: see ``Manifest``."""

    save: Callable[[Path], None]
    measured: Mapping[str, float] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def make_object(call: Call, context: JobContext, make: Callable[[Stage], Product]) -> Outcome:
    """Make and publish the object of a call's one stage, unless the store has it."""
    stage, store = call.stage, context.store
    if store.has(stage.ref):
        return Outcome(call.key, "reused", made=(context.described(stage),))
    started = time.perf_counter()
    product = make(stage)
    seconds = time.perf_counter() - started
    manifest = store.publish(
        stage.ref,
        product.save,
        context.origin(stage),
        context.lease,
        seconds,
        measured=product.measured,
        doubts=(*context.doubts(stage.inputs), *product.doubts),
    )
    store.unfinished(stage.ref).discard()
    return Outcome(call.key, "done", made=(made_of(stage, manifest),))
