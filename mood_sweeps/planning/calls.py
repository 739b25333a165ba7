"""Calls: the work that one worker does in one go, as plain values.

All extractions of one checkpoint are one call, because loading the network costs more than using
it. All fits, scores and evaluations of one representation on one ID set are one call, because the
banks are read once for all of them. Any other stage is a call by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mood_sweeps.identity import key_of
from mood_sweeps.planning.fits import Fit, Selection
from mood_sweeps.planning.job_table import Job, job_of
from mood_sweeps.planning.stage_inputs import Extract
from mood_sweeps.planning.stages import Stage
from mood_sweeps.plugins.declared_scorers import Plugin
from mood_sweeps.store import Ref

__all__ = ["Call", "EvaluationRequest", "Scoring", "score_group"]


@dataclass(frozen=True, eq=False)
class EvaluationRequest:
    """One number to compute: a fitted scorer on one OOD bank against the call's ID bank.

    n_left_out: number of images of the OOD set that the bank leaves out. images_note: what a reader
    of the number has to know of the ID and the OOD set; empty if nothing.
    """

    fit: Fit | Selection
    evaluation_key: str
    ood_bank: Ref
    ood_classes: tuple[str, ...]
    n_left_out: int = 0
    images_note: str = ""


@dataclass(frozen=True, eq=False)
class Scoring:
    """Fit, score and evaluate on the banks of one representation and one ID set.

    group: a name for the representation and ID set; the objects of all calls for them share a
    folder. predictions: ``head``, ``nearest class mean`` or ``none``. id_classes, and each
    evaluation's ood_classes: names of the classes; empty where classes have
        numbers only.
    extracted: how each bank was extracted, where a scorer needs the network and its images.
    plugin: the source of these scorers; None for the package's own. A call has scorers of one
        source only, so that a plugin that crashes or hangs delays no other scorer's numbers.
    """

    group: str
    checkpoint: Ref
    train_bank: Ref
    id_bank: Ref
    id_classes: tuple[str, ...]
    predictions: str
    evaluations: tuple[EvaluationRequest, ...]
    extracted: Mapping[Ref, Extract] = field(default_factory=dict)
    plugin: Plugin | None = None


@dataclass(frozen=True, eq=False)
class Call:
    """One call.

    key: the name of its lease. kind: a kind of call of `job_table`. method: measured durations are
    averaged over calls of the same method. needs: objects that must exist before. makes: objects
    that exist afterwards. units: number of stages it counts as. stages: those that it performs; a
    scoring call has ``scoring`` instead.
    """

    key: str
    kind: str
    label: str
    method: str
    needs: tuple[Ref, ...]
    makes: tuple[Ref, ...]
    units: int
    stages: tuple[Stage, ...] = ()
    scoring: Scoring | None = None

    @property
    def job(self) -> Job:
        """The job that performs it."""
        return job_of(self.kind)

    @property
    def stage(self) -> Stage:
        """The stage of a call that performs one."""
        (stage,) = self.stages
        return stage

    @property
    def n_micro_batches(self) -> int:
        """How many workers can share it: 1 except for a training in micro-batches."""
        return self.stage.n_micro_batches if len(self.stages) == 1 else 1

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


def score_group(train_bank: str, id_bank: str) -> str:
    """Return the name of the group of all scoring on these two banks."""
    return key_of({"train": train_bank, "id": id_bank})
