"""The Ray executor: warm, long-lived actors, one pool for each resource shape. Imports ray.

An actor costs 10–20 s to start (it imports torch and timm) and under a millisecond a call, so
actors live as long as the launch. Ray's own retries are off: the engine decides what is tried
again, because it knows what went wrong and records every attempt.
"""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.errors import InputError
from mood_sweeps.planner.call import Call
from mood_sweeps.store import Lease, Store

__all__ = ["RayExecutor"]

CONNECT_TIMEOUT_S = 5.0
OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Workers hand over files, not objects: Ray's object store only carries calls and outcomes."""


@dataclass
class _Actor:
    """A worker process and the call it is performing.

    One call at a time: a second one waiting behind a training could not move to an actor that
    becomes free meanwhile, and the gap between two calls is under a millisecond.
    """

    handle: Any
    call: Call | None = None


@dataclass
class _Pool:
    """All actors of one resource shape."""

    cpus: float
    gpus: float
    size: int
    warm: bool
    actors: list[_Actor] = field(default_factory=list)


class RayExecutor:
    """Calls on Ray actors, on this machine or on the cluster at ``address``.

    gpus_per_worker: share of a GPU that a training or extracting worker takes, where there are
    any. workers: at most so many workers without a GPU; default one per CPU.
    """

    name = "ray"

    def __init__(
        self,
        store: Store,
        address: str | None = None,
        *,
        gpus_per_worker: float = 1.0,
        workers: int | None = None,
    ) -> None:
        self._store = store
        self._address = address
        self._gpus_per_worker = gpus_per_worker
        self._workers = workers
        self._pools: dict[str, _Pool] = {}
        self._running: dict[Any, tuple[_Pool, _Actor]] = {}
        self._actor_class: Any = None

    def check(self) -> None:
        """Raise InputError if ``address`` is no reachable Ray cluster (takes at most seconds)."""
        if self._address in (None, "auto", "local"):
            return
        host, _, port = str(self._address).removeprefix("ray://").rpartition(":")
        if not host or not port.isdigit():
            raise InputError(
                f"{self._address!r} is no Ray address; allowed: host:port, ray://host:port, auto"
            )
        try:
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
        except OSError as error:
            raise InputError(
                f"no Ray cluster answers at {self._address!r}: {error.strerror or error}"
            ) from None

    def start(self) -> None:
        """Connect to the cluster, or start one on this machine, and begin to start actors."""
        self.check()
        # Before the import: Ray reads these once. Metrics agents and usage reports are
        # processes and connections that a sweep has no use for.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_enable_metrics_collection", "0")
        import ray  # late: a launch with nothing to run never pays for it

        local = self._address in (None, "local")
        try:
            ray.init(
                address=None if local else self._address,
                include_dashboard=False if local else None,
                object_store_memory=OBJECT_STORE_BYTES if local else None,
                num_cpus=self._workers if local else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(f"Ray address {self._address!r}: {_first_line(error)}") from error
        self._actor_class = ray.remote(max_restarts=0, max_task_retries=0)(_Worker)
        self._pools = _pools(ray.cluster_resources(), self._gpus_per_worker, self._workers)
        for pool in _each(self._pools):
            pool.actors = [self._new_actor(pool) for _ in range(pool.size)]

    def has_room(self, call: Call) -> bool:
        """Whether an actor of the call's pool is free."""
        return any(actor.call is None for actor in self._pools[call.kind].actors)

    def submit(self, call: Call, lease: Lease) -> None:
        """Give the call to a free actor of its pool."""
        pool = self._pools[call.kind]
        actor = next(actor for actor in pool.actors if actor.call is None)
        actor.call = call
        self._running[actor.handle.perform.remote(call, lease)] = (pool, actor)

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Return the outcomes that came in; a call whose worker died is ``worker lost``."""
        import ray

        references = list(self._running)
        if not references:
            return []
        ready, _ = ray.wait(references, num_returns=1, timeout=timeout_s, fetch_local=False)
        more, _ = ray.wait(references, num_returns=len(references), timeout=0, fetch_local=False)
        return [self._collect(reference) for reference in dict.fromkeys([*ready, *more])]

    def close(self) -> None:
        """Stop Ray; a cluster that was here before stays, only our actors go."""
        import ray

        for pool in _each(self._pools):
            for actor in pool.actors:
                ray.kill(actor.handle, no_restart=True)
        ray.shutdown()
        self._pools = {}

    def _collect(self, reference: Any) -> Outcome:
        import ray

        pool, actor = self._running.pop(reference)
        call, actor.call = actor.call, None
        assert call is not None
        try:
            outcome: Outcome = ray.get(reference)
            return outcome
        except ray.exceptions.RayActorError as error:
            pool.actors[pool.actors.index(actor)] = self._new_actor(pool)
            return Outcome(call.key, "worker lost", error=_first_line(error))
        except ray.exceptions.RayError as error:
            return Outcome(call.key, "worker lost", error=_first_line(error))

    def _new_actor(self, pool: _Pool) -> _Actor:
        options = {"num_cpus": pool.cpus, "num_gpus": pool.gpus}
        handle = self._actor_class.options(**options).remote(str(self._store.root))
        if pool.warm:
            handle.warm_up.remote()
        return _Actor(handle)


class _Worker:
    """The worker process: a few lines round `perform`."""

    def __init__(self, store_root: str) -> None:
        self._store = Store(store_root)

    def warm_up(self) -> None:
        """Import what training needs while the driver is still planning."""
        import mood_sweeps.stages.train  # noqa: F401

    def perform(self, call: Call, lease: Lease) -> Outcome:
        from mood_sweeps.engine.perform import perform

        return perform(call, self._store, lease)


def _pools(
    resources: dict[str, float], gpus_per_worker: float, workers: int | None
) -> dict[str, _Pool]:
    """Return the pool of each kind of call: one for all without GPUs, else two."""
    cpus, gpus = resources.get("CPU", 1.0), resources.get("GPU", 0.0)
    n_gpu = int(gpus / gpus_per_worker) if gpus else 0
    n_cpu = max(1, min(workers or int(cpus), int(cpus)) - n_gpu)
    if not n_gpu:
        pool = _Pool(1, 0, n_cpu, warm=True)
        return dict.fromkeys(("pretrain", "finetune", "extract", "score"), pool)
    on_gpu = _Pool(1, gpus_per_worker, n_gpu, warm=True)
    on_cpu = _Pool(1, 0, n_cpu, warm=False)
    return {"pretrain": on_gpu, "finetune": on_gpu, "extract": on_gpu, "score": on_cpu}


def _each(pools: dict[str, _Pool]) -> list[_Pool]:
    """Return each pool once."""
    return list({id(pool): pool for pool in pools.values()}.values())


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
