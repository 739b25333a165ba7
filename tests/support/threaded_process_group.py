"""Teams inside one process: a thread for every member."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from mood_sweeps.training.process_group import ConnectedProcessGroup, ProcessGroup, Rendezvous

HERE = "127.0.0.1"
T = TypeVar("T")


def as_team(size: int, work: Callable[[ProcessGroup], T]) -> list[T]:
    """Return what ``work`` returns to each member, in order of rank; raise what one raised."""
    rendezvous = Rendezvous(HERE)

    def take_part(rank: int) -> T:
        torch.set_num_threads(1)
        place = rendezvous if rank == 0 else rendezvous.address
        group = ConnectedProcessGroup(place, rank, size, HERE, torch.device("cpu"))
        try:
            return work(group)
        finally:
            group.leave()

    with ThreadPoolExecutor(size) as threads:
        return [future.result() for future in [threads.submit(take_part, r) for r in range(size)]]
