"""Data parallelism: a training stage that several workers share, each with its rank."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.jobs.train_stage import train
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.torch_device import own_device
from mood_sweeps.planning.stages import Stage
from mood_sweeps.store import Lease, Store
from mood_sweeps.training.process_group import ConnectedProcessGroup, Rendezvous

__all__ = ["Rendezvous", "WorkerRank", "train_data_parallel"]


@dataclass(frozen=True, eq=False)
class WorkerRank:
    """A worker's rank in a process group of ``size``.

    rendezvous: the leader's own object at rank 0; its address at the other ranks. host: address of
    the worker as the others see it.
    """

    rendezvous: Rendezvous | tuple[str, int]
    rank: int
    size: int
    host: str


def train_data_parallel(
    stage: Stage, store: Store, lease: Lease | None, keep_every_s: float, worker_rank: WorkerRank
) -> Checkpoint:
    """Return the checkpoint that a process group trains, the same in each process; see `train`.

    Raises MemberLost if one of them does not come or goes.
    """
    group = ConnectedProcessGroup(
        worker_rank.rendezvous, worker_rank.rank, worker_rank.size, worker_rank.host, own_device()
    )
    try:
        return train(stage, store, lease, keep_every_s, group)
    finally:
        group.leave()
