"""How many workers of which resource shape fit on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mood_sweeps.errors import InputError
from mood_sweeps.planning.job_table import CALL_KINDS, job_of

__all__ = ["TRIALS", "Shape", "shapes_for"]

TRIALS = "trials"
"""What Ray calls the one thread that a worker trains the trials of a tuned stage in."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What one worker of a pool takes, and how many of them fit.

    imports_torch: whether its workers get ready by importing what training needs.
    """

    cpus: int
    gpus: float
    size: int
    imports_torch: bool


def shapes_for(
    nodes: Sequence[Mapping[str, float]],
    gpus_per_worker: float,
    workers: int | None,
    scores_on_gpus: bool = False,
) -> dict[str, Shape]:
    """Return the pool of each kind of call: one for all without GPUs, else two.

    nodes: resources of each node (``CPU``, ``GPU``); a worker lives on one node, so what is left
    over on several does not add up to another worker. workers: at most so many without a GPU.
    Where the GPU workers take every CPU they score too, and where they are asked to.
    Raises InputError if no node has ``gpus_per_worker`` GPUs though some have GPUs, or none has any
    and scoring is to be done there.
    """
    n_gpu = n_cpu = 0
    for node in nodes:
        cpus, gpus = int(node.get("CPU", 0)), node.get("GPU", 0.0)
        on_gpu = min(int(gpus / gpus_per_worker + 1e-9), cpus)
        n_gpu += on_gpu
        n_cpu += cpus - on_gpu
    most = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    if most and gpus_per_worker > most:
        raise InputError(
            f"no node has {gpus_per_worker:g} GPUs for one worker; the most is {most:g}"
        )
    if scores_on_gpus and not n_gpu:
        raise InputError("no node has a GPU to score on; leave out --score-on-gpus")
    n_cpu = min(n_cpu, workers or n_cpu)
    if not n_gpu:
        return dict.fromkeys(CALL_KINDS, Shape(1, 0, max(1, n_cpu), imports_torch=True))
    training = Shape(1, gpus_per_worker, n_gpu, imports_torch=True)
    scoring = training
    if n_cpu and not scores_on_gpus:
        scoring = Shape(1, 0, n_cpu, imports_torch=False)
    shapes = {"gpu": training, "cpu": scoring}
    return {kind: shapes[job_of(kind).resource] for kind in CALL_KINDS}
