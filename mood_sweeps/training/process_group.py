"""Process groups: processes that share the micro-batches of one training (data parallelism).

A process that trains alone is a group of one. Processes that share a training find each other
through a small server of rank 0, and exchange tensors by NCCL between GPUs, by Gloo between CPUs.
torch's global process group is not used: libraries that find one start to communicate themselves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

import torch

from mood_sweeps.errors import MemberLost

__all__ = ["SINGLE_PROCESS", "ConnectedProcessGroup", "ProcessGroup", "Rendezvous", "SingleProcess"]

_DISTRIBUTED: Any = torch.distributed  # parts of it are absent from torch's annotations
_PATIENCE = timedelta(minutes=30)
"""How long a rank waits for another, which may still compute a micro-batch or an evaluation."""
_COMING = timedelta(minutes=2)
"""How long each rank waits at the rendezvous for the others."""


class ProcessGroup(Protocol):
    """Processes that train the same network: each computes its micro-batches, all take every step.

    rank: of this process; rank 0 leads: it alone saves the state, evaluates and publishes. size:
    number of processes.
    """

    rank: int
    size: int

    def gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        """Return the tensors of all ranks, equal in shape and dtype, in order of rank.

        Raises MemberLost if another process has gone.
        """
        ...


class SingleProcess:
    """A group of one."""

    rank = 0
    size = 1

    def gather(self, mine: torch.Tensor) -> list[torch.Tensor]:
        """Return the tensor itself."""
        return [mine]


SINGLE_PROCESS = SingleProcess()


class Rendezvous:
    """Where the ranks of a group find each other: a server in rank 0's process, at a free port.

    host: the leader's address as the others see it.
    """

    def __init__(self, host: str) -> None:
        self.store = _DISTRIBUTED.TCPStore(
            host, 0, is_master=True, wait_for_workers=False, timeout=_COMING
        )
        self.address = (host, int(self.store.port))


class ConnectedProcessGroup:
    """A group of several processes; each calls this once, with its own rank.

    rendezvous: the leader's own, or its address. host: this process's address as the others see it.
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
        """Return the tensors of all ranks; see `ProcessGroup`."""
        found = [torch.empty_like(mine) for _ in range(self.size)]
        try:
            self._group.allgather([found], [mine.contiguous()]).wait()
        except RuntimeError as error:
            raise MemberLost(f"a worker of this training is gone: {error}") from error
        return found

    def leave(self) -> None:
        """Close the connections, so that ranks that still wait for this one notice."""
        self._group = None  # its connections go with it


def _came(rank: int) -> str:
    """Return the server's entry that says that a rank has come."""
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
