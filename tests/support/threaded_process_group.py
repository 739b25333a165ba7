"""Teams inside one process: a thread for every member."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from mood_sweeps.training.process_group import Connected, Meeting, Team

HERE = "127.0.0.1"
T = TypeVar("T")


def as_team(size: int, work: Callable[[Team], T]) -> list[T]:
    """Return what ``work`` returns to each member, in order of rank; raise what one raised."""
    meeting = Meeting(HERE)

    def take_part(rank: int) -> T:
        torch.set_num_threads(1)
        place = meeting if rank == 0 else meeting.address
        team = Connected(place, rank, size, HERE, torch.device("cpu"))
        try:
            return work(team)
        finally:
            team.leave()

    with ThreadPoolExecutor(size) as threads:
        return [future.result() for future in [threads.submit(take_part, r) for r in range(size)]]
