"""Process groups: processes that share the micro-batches of one training (data parallelism).

A process that trains alone is a group of one. Processes that share a training find each other
through a small server of rank 0, and exchange tensors by NCCL between GPUs, by Gloo between CPUs.
torch's global process group is not used: libraries that detect one start to communicate on it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

import torch

from mood_sweeps.internal_signals import MemberLost

__all__ = ["SINGLE_PROCESS", "ConnectedProcessGroup", "ProcessGroup", "Rendezvous", "SingleProcess"]

_DISTRIBUTED: Any = torch.distributed  # parts of it are absent from torch's annotations
_EXCHANGE_TIMEOUT = timedelta(minutes=30)
"""How long a rank waits for another, which may be computing a micro-batch or an evaluation."""
_RENDEZVOUS_TIMEOUT = timedelta(minutes=2)
"""How long each rank waits at the rendezvous for the others."""


class ProcessGroup(Protocol):
    """Processes that train the same network: each computes its micro-batches, all take every step.

    rank: of this process; rank 0 leads: it alone saves the state, evaluates and publishes. size:
    number of processes.
    """

    rank: int
    size: int

    def gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return the tensors of all ranks, equal in shape and dtype, in order of rank.

        Raises MemberLost if another process has ended.
        """
        ...


class SingleProcess:
    """A group of one."""

    rank = 0
    size = 1

    def gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return the tensor itself."""
        return [tensor]


SINGLE_PROCESS = SingleProcess()


class Rendezvous:
    """Where the ranks of a group find each other: a server in rank 0's process, at a free port.

    host: the leader's address as the others see it.
    """

    def __init__(self, host: str) -> None:
        self.store = _DISTRIBUTED.TCPStore(
            host, 0, is_master=True, wait_for_workers=False, timeout=_RENDEZVOUS_TIMEOUT
        )
        self.address = (host, int(self.store.port))


class ConnectedProcessGroup:
    """A group of several processes; each calls this once, with its own rank.

    rendezvous: the leader's own object, or its address. host: this process's address as the others
    see it. device: of gathered tensors. Raises MemberLost if a rank does not arrive in time.
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
                else _DISTRIBUTED.TCPStore(
                    *rendezvous, is_master=False, timeout=_RENDEZVOUS_TIMEOUT
                )
            )
            self._store.set(_arrival(rank), "")
            self._store.wait([_arrival(other) for other in range(size)], _RENDEZVOUS_TIMEOUT)
            self._group = _group(self._store, rank, size, host, device)
            self.gather(torch.zeros(1, device=device))
        except RuntimeError as error:
            raise MemberLost(f"a training's workers did not come together: {error}") from error

    def gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return the tensors of all ranks; see `ProcessGroup`."""
        gathered = [torch.empty_like(tensor) for _ in range(self.size)]
        try:
            self._group.allgather([gathered], [tensor.contiguous()]).wait()
        except RuntimeError as error:
            raise MemberLost(f"a worker of this training is gone: {error}") from error
        return gathered

    def leave(self) -> None:
        """Close the connections, so that ranks that still wait for this one get an error."""
        self._group = None  # its connections go with it


def _arrival(rank: int) -> str:
    """Return the key that a rank sets in the server when it arrives."""
    return f"came/{rank}"


def _group(store: Any, rank: int, size: int, host: str, device: torch.device) -> Any:
    """Return a process group that is not registered with torch's global state."""
    if device.type == "cuda":
        options = _DISTRIBUTED.ProcessGroupNCCL.Options()
        options._timeout = _EXCHANGE_TIMEOUT
        return _DISTRIBUTED.ProcessGroupNCCL(store, rank, size, options)
    settings = _DISTRIBUTED.ProcessGroupGloo._Options()
    settings._timeout = _EXCHANGE_TIMEOUT
    # A host may resolve its own name to 127.0.0.1, which other hosts cannot reach.
    settings._devices = [_DISTRIBUTED.ProcessGroupGloo.create_device(hostname=host)]
    return _DISTRIBUTED.ProcessGroupGloo(store, rank, size, settings)
