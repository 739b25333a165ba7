"""The jobs of workers, one row each.

A job performs one or more kinds of stages; performing several at once is what makes a sweep fast. A
new job is a row here and a file in ``jobs/`` with a function ``run(call, context)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mood_sweeps.stage_kinds import STAGE_KINDS

__all__ = ["CALL_KINDS", "JOBS", "Job", "job_of"]


@dataclass(frozen=True)
class Job:
    """One job.

    seconds: the kinds of its calls, with a guess of the seconds of a stage, which only ranks the
    kinds until durations are measured. resource: ``gpu``: its workers get a GPU where there are
    any; ``cpu``: they never need one. is_short: whether its calls go before trainings, because they
    turn checkpoints into rows early. handler: the module with the ``run`` that performs a call; the
    worker imports it.
    """

    name: str
    seconds: Mapping[str, float]
    resource: Literal["gpu", "cpu"]
    is_short: bool
    handler: str


JOBS = (
    Job(
        "train",
        {"tokenizer": 5.0, "pretrain": 20.0, "finetune": 10.0},
        "gpu",
        is_short=False,
        handler="mood_sweeps.jobs.train",
    ),
    Job("load", {"load": 2.0}, "gpu", is_short=True, handler="mood_sweeps.jobs.load"),
    Job("extract", {"extract": 0.1}, "gpu", is_short=True, handler="mood_sweeps.jobs.extract"),
    Job("score", {"score": 0.02}, "cpu", is_short=True, handler="mood_sweeps.jobs.score"),
    Job("import", {"given": 0.1}, "cpu", is_short=True, handler="mood_sweeps.jobs.import_features"),
    Job("join", {"ensemble": 0.05}, "cpu", is_short=True, handler="mood_sweeps.jobs.join_ensemble"),
    Job("picture", {"picture": 0.1}, "gpu", is_short=True, handler="mood_sweeps.jobs.picture"),
)

_JOB_OF = {kind: job for job in JOBS for kind in job.seconds}

CALL_KINDS = tuple(kind for kind in STAGE_KINDS if kind in _JOB_OF)
"""The kinds of calls, in the order in which work flows."""


def job_of(call_kind: str) -> Job:
    """Return the job that performs calls of a kind."""
    return _JOB_OF[call_kind]
