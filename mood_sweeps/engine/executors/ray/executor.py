"""The Ray executor: warm, long-lived actors, one pool for each resource shape. Imports ray.

An actor costs 10–20 s to start (it imports torch and timm) and under a millisecond a call, so
actors live as long as the launch. Ray's own retries are off: the engine decides what is tried
again, because it knows what went wrong and records every attempt.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mood_sweeps.engine.executors.ray.address import check_address
from mood_sweeps.engine.executors.ray.call_in_flight import CallInFlight
from mood_sweeps.engine.executors.ray.head_monitor import HeadMonitor
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.engine.executors.ray.worker import Worker
from mood_sweeps.engine.executors.ray.worker_pool import Actor, Pool, first_startable
from mood_sweeps.engine.executors.ray.worker_shapes import TRIALS, shapes_for
from mood_sweeps.errors import ExecutorLost, InputError
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.planning.calls import Call
from mood_sweeps.store import Lease, Store

__all__ = ["RayExecutor"]

_log = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Workers hand over files, not objects: Ray's object store only carries calls and outcomes."""
MOST_STARTING_S = 60.0
"""How long `close` waits for a start under way, which nothing can cut short."""


class RayExecutor:
    """Calls on Ray actors, on this machine or on the cluster that the settings name."""

    name = "ray"
    runs_in_this_process = False

    def __init__(self, store: Store, worker: WorkerSettings, settings: RaySettings) -> None:
        self._store = store
        self._worker_settings = worker
        self._settings = settings
        # `ray job submit` names the cluster in the environment of the command that it runs.
        self._address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
        self._pools: dict[str, Pool] = {}
        self._running: dict[Any, CallInFlight] = {}
        self._actor_class: Any = None
        self._lost: list[Pool] = []
        self._failed_starts = 0
        self._starter: threading.Thread | None = None
        self._start_failed: Exception | None = None
        self._closing = False
        self._started, self._ended = threading.Event(), threading.Event()
        self._head_monitor = HeadMonitor()

    def check(self) -> None:
        """Raise InputError if ``address`` is no reachable Ray cluster (takes at most seconds)."""
        check_address(self._address)

    def start(self) -> None:
        """Begin to connect to the cluster, or to start one on this machine, and then actors.

        In a thread of its own: Ray leaves the signals alone that are not its thread's, and the
        launch can be stopped meanwhile.
        """
        self._starter = threading.Thread(target=self._start, name="ray-start", daemon=True)
        self._starter.start()

    def _start(self) -> None:
        try:
            self.check()
            self._connect()
            if not self._closing:
                self._make_pools()
        except Exception as error:
            self._start_failed = error
        self._started.set()
        # Linux kills what Ray started on this machine when this very thread ends, not the process.
        self._ended.wait()

    def _connect(self) -> None:
        # Before the import: Ray reads these once. Metrics agents and usage reports are
        # processes and connections that a sweep has no use for.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_enable_metrics_collection", "0")
        # Nor for a handler below Python's that prints a stack on SIGTERM and has the process
        # aborted three seconds later.
        os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")
        import ray  # late: a launch with nothing to run never pays for it

        # Ray warns that it could not put its handler of SIGTERM, which ends the process, in place
        # of ours.
        logging.getLogger("ray").setLevel(logging.ERROR)
        local = self._address == "local"
        try:
            ray.init(
                address=self._address,
                include_dashboard=False if local else None,
                object_store_memory=OBJECT_STORE_BYTES if local else None,
                num_cpus=self._settings.workers if local else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (OSError, ValueError, RuntimeError) as error:
            where = "Ray on this machine" if local else f"Ray address {self._address!r}"
            raise InputError(f"{where}: {_one_line(error)}") from error

    def _make_pools(self) -> None:
        import ray

        self._head_monitor = HeadMonitor(ray.get_runtime_context().gcs_address)
        self._actor_class = ray.remote(
            max_restarts=0, max_task_retries=0, concurrency_groups={TRIALS: 1}
        )(Worker)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        settings = self._settings
        shapes = shapes_for(
            nodes, settings.gpus_per_worker, settings.workers, self._worker_settings.scores_on_gpus
        )
        pools = {shape: Pool(shape, settings.workers_per_training) for shape in shapes.values()}
        for pool in pools.values():
            pool.actors = [self._new_actor(pool) for _ in range(pool.shape.size)]
        self._pools = {kind: pools[shape] for kind, shape in shapes.items()}
        for pool in pools.values():
            _log.info("starting %d workers of %s", pool.shape.size, pool.shape)

    def first_startable(self, calls: Sequence[Call]) -> Call | None:
        """Return the first call with enough free actors in its pool; see `Executor`."""
        return first_startable(self._pools, calls)

    def submit(self, call: Call, lease: Lease, log: Path | None) -> None:
        """Give the call to a free actor of its pool, or to several that share a training."""
        pool = self._pools[call.kind]
        leader, *others = members = pool.take(call)
        if others:
            rendezvous, size = leader.handle.open_rendezvous.remote(), len(members)
            asked = {leader.handle.lead.remote(call, lease, size, log): leader}
            for rank, other in enumerate(others, start=1):
                asked[other.handle.assist.remote(call, rendezvous, rank, size, log)] = other
        else:
            asked = {leader.handle.run_call.remote(call, lease, log): leader}
        attempt = CallInFlight(call, pool, asked)
        self._running.update(dict.fromkeys(asked, attempt))

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Return the outcomes that came in; where the worker died, it is ``worker lost``.

        Raises ExecutorLost if the cluster is gone or no worker can be started on it, InputError if
        it could not be used from the start.
        """
        if not self._has_started(timeout_s):
            return []
        import ray

        self._head_monitor.check()
        if self._lost and self._head_monitor.answers():
            for pool in self._lost:
                pool.actors.append(self._new_actor(pool))
            self._lost.clear()
        starting = {
            actor.starting: (pool, actor)
            for pool in _each(self._pools)
            for actor in pool.actors
            if actor.starting is not None
        }
        references, outcomes = [*self._running, *starting], list[Outcome]()
        if not references:
            time.sleep(timeout_s)
            return []
        ready, _ = ray.wait(references, num_returns=1, timeout=timeout_s, fetch_local=False)
        more, _ = ray.wait(references, num_returns=len(references), timeout=0, fetch_local=False)
        for reference in dict.fromkeys([*ready, *more]):
            if reference in starting:
                self._welcome(reference, *starting[reference])
                continue
            attempt = self._running.pop(reference)
            attempt.add_outcome(reference, self._collect(reference, attempt))
            if attempt.is_over:
                outcomes.append(attempt.outcome())
        for attempt in dict.fromkeys(self._running.values()):
            for actor in attempt.take_overdue():
                self._kill(actor)
        return outcomes

    def close(self) -> None:
        """Stop Ray; a cluster that was here before stays, only our actors go."""
        if self._starter is None:
            return
        self._closing = True
        if not self._started.wait(MOST_STARTING_S) or "ray" not in sys.modules:
            self._ended.set()
            return
        import ray

        pools, self._pools = _each(self._pools), {}
        if self._head_monitor.answers():  # without a head, `ray.kill` would block
            for pool in pools:
                for actor in pool.actors:
                    ray.kill(actor.handle, no_restart=True)
        ray.shutdown()
        self._ended.set()

    def _has_started(self, timeout_s: float) -> bool:
        """Whether Ray is there, after ``timeout_s`` at most; raise what kept it from starting."""
        has_started = self._started.wait(timeout_s)
        if self._start_failed is not None:
            raise self._start_failed
        return has_started

    def _welcome(self, reference: Any, pool: Pool, actor: Actor) -> None:
        import ray

        try:
            actor.host = ray.get(reference)
            actor.starting = None
            self._failed_starts = 0
        except ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts > 2 * sum(each.shape.size for each in _each(self._pools)):
                raise ExecutorLost(f"no Ray worker can be started: {_one_line(error)}") from error
            self._replace(pool, actor)

    def _collect(self, reference: Any, attempt: CallInFlight) -> Outcome:
        import ray

        call, actor = attempt.call, attempt.members[reference]
        actor.is_busy = False
        try:
            outcome: Outcome = ray.get(reference)
            return outcome
        except (
            ray.exceptions.RayTaskError
        ) as error:  # a rank that lost its leader, for example; this worker is healthy
            return Outcome(call.key, "worker lost", error=_one_line(error))
        except ray.exceptions.RayActorError as error:
            self._kill(actor)  # it may be unreachable but alive
            self._replace(attempt.pool, actor)
            return Outcome(call.key, "worker lost", error=_one_line(error))
        except ray.exceptions.RayError as error:
            return Outcome(call.key, "worker lost", error=_one_line(error))

    def _kill(self, actor: Actor) -> None:
        import ray

        if self._head_monitor.answers():
            ray.kill(actor.handle, no_restart=True)

    def _replace(self, pool: Pool, actor: Actor) -> None:
        """Let `wait` start another actor, once it knows that the head still answers."""
        pool.actors.remove(actor)
        self._lost.append(pool)

    def _new_actor(self, pool: Pool) -> Actor:
        shape = pool.shape
        options = {"num_cpus": shape.cpus, "num_gpus": shape.gpus}
        handle = self._actor_class.options(**options).remote(
            str(self._store.root), self._worker_settings
        )
        return Actor(handle, handle.get_ready.remote(shape.imports_torch, shape.gpus > 0))


def _each(pools: dict[str, Pool]) -> list[Pool]:
    """Return each pool once."""
    return list(dict.fromkeys(pools.values()))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
