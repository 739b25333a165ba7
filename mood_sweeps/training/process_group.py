"""A team: processes that share the parts of every batch of one training (data parallelism).

Who trains alone is a team of one. Processes that share a training meet at a small server of the
first of them, and hand each other tensors by NCCL between GPUs, by Gloo between CPUs. torch's
global process group is left alone: libraries that find one start to exchange things themselves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

import torch

from mood_sweeps.errors import MemberLost

__all__ = ["SINGLE_PROCESS", "ConnectedProcessGroup", "ProcessGroup", "Rendezvous", "SingleProcess"]

_DISTRIBUTED: Any = torch.distributed  # parts of it are absent from torch's annotations
_PATIENCE = timedelta(minutes=30)
"""How long one waits for another, who may have a part of a batch or an evaluation before him."""
_COMING = timedelta(minutes=2)
"""How long each waits for the others to come, who need only begin."""


class ProcessGroup(Protocol):
    """Processes that train the same network: each computes its parts, all take every step.

    rank: of this process, from 0, who leads: it alone keeps the state, measures and publishes.
    size: how many there are.
    """

    rank: int
    size: int

    def gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        """Return everybody's tensor, equal in shape and dtype, in order of rank.

        Raises MemberLost if another process has gone.
        """
        ...


class SingleProcess:
    """A team of one."""

    rank = 0
    size = 1

    def gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        """Return the tensor itself."""
        return [mine]


SINGLE_PROCESS = SingleProcess()


class Rendezvous:
    """Where a team meets: a server in the process of its leader, at a port that was free.

    host: the leader's address as the others see it.
    """

    def __init__(self, host: str) -> None:
        self.store = _DISTRIBUTED.TCPStore(
            host, 0, is_master=True, wait_for_workers=False, timeout=_COMING
        )
        self.address = (host, int(self.store.port))


class ConnectedProcessGroup:
    """A team of several processes, each of which calls this once, with its own rank.

    meeting: the leader's own, or its address. host: this process's address as the others see it.
    device: what tensors that are gathered are on. Raises MemberLost if not all come in time.
    """

    def __init__(
        self,
        rendezvous: Rendezvous | tuple[str, int],
        rank: int,
        size: int,
        host: str,
        device: torch.device,
    ) -> None:
        self.rank, self.size = rank, size
        try:
            self._store = (
                rendezvous.store
                if isinstance(rendezvous, Rendezvous)
                else _DISTRIBUTED.TCPStore(*rendezvous, is_master=False, timeout=_COMING)
            )
            self._store.set(_came(rank), "")
            self._store.wait([_came(other) for other in range(size)], _COMING)
            self._group = _group(self._store, rank, size, host, device)
            self.gather(torch.zeros(1, device=device))
        except RuntimeError as error:
            raise MemberLost(f"a training's workers did not come together: {error}") from error

    def gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        """Return everybody's tensor; see `ProcessGroup`."""
        found = [torch.empty_like(mine) for _ in range(self.size)]
        try:
            self._group.allgather([found], [mine.contiguous()]).wait()
        except RuntimeError as error:
            raise MemberLost(f"a worker of this training is gone: {error}") from error
        return found

    def leave(self) -> None:
        """Let go of the others, so that whoever still waits for this process learns it is gone."""
        self._group = None  # its connections go with it


def _came(rank: int) -> str:
    """Return where the server is told that a member has come."""
    return f"came/{rank}"


def _group(store: Any, rank: int, size: int, host: str, device: torch.device) -> Any:
    """Return a process group of its own; nothing in torch knows of it."""
    if device.type == "cuda":
        options = _DISTRIBUTED.ProcessGroupNCCL.Options()
        options._timeout = _PATIENCE
        return _DISTRIBUTED.ProcessGroupNCCL(store, rank, size, options)
    settings = _DISTRIBUTED.ProcessGroupGloo._Options()
    settings._timeout = _PATIENCE
    # Asked by name, a host may take itself for 127.0.0.1, where no other one finds it.
    settings._devices = [_DISTRIBUTED.ProcessGroupGloo.create_device(hostname=host)]
    return _DISTRIBUTED.ProcessGroupGloo(store, rank, size, settings)
