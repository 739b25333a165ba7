from __future__ import annotations

import importlib

import pytest

from mood_sweeps.engine.executors.ray.worker_shapes import shapes_for
from mood_sweeps.planning.job_table import CALL_KINDS, JOBS, Job
from mood_sweeps.stage_kinds import STAGE_KINDS


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_has_a_handler(job: Job) -> None:
    assert callable(importlib.import_module(job.handler).run)


def test_no_kind_of_call_belongs_to_two_jobs() -> None:
    assert len(CALL_KINDS) == sum(len(job.seconds) for job in JOBS)
    assert set(CALL_KINDS) <= set(STAGE_KINDS)


@pytest.mark.parametrize("nodes", [[{"CPU": 1.0}], [{"CPU": 4.0, "GPU": 1.0}]])
def test_every_kind_of_call_has_workers(nodes: list[dict[str, float]]) -> None:
    """One without workers would wait for ever."""
    assert set(shapes_for(nodes, 1.0, None)) == set(CALL_KINDS)
