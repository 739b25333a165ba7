"""Worker pools: actors of one resource shape, and which of them are free for a call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.engine.executors.ray.worker_shapes import Shape
from mood_sweeps.planning.calls import Call

__all__ = ["Actor", "Pool", "first_startable"]

STARTING_S = 120.0
"""Seconds after which an actor that is still starting is no longer expected."""
RESERVED_S = 120.0
"""Seconds for which free actors are reserved for a call that needs more of them."""


@dataclass(eq=False)
class Actor:
    """A worker process and whether it is running a call.

    starting: a reference that resolves once the worker can take calls; None from then on. An actor
    that Ray has no room for never resolves, and no call waits for it. host: its node's address.

    An actor gets one call at a time: a second call queued behind a training could not move to an
    actor that becomes free meanwhile, and the gap between two calls is under a millisecond.
    """

    handle: Any
    starting: Any
    host: str = ""
    is_busy: bool = False
    begun_at: float = field(default_factory=time.monotonic)

    @property
    def is_free(self) -> bool:
        """Whether it can take a call."""
        return self.starting is None and not self.is_busy

    @property
    def is_late(self) -> bool:
        """Whether it has been starting for longer than ``STARTING_S``."""
        return self.starting is not None and time.monotonic() >= self.begun_at + STARTING_S


@dataclass(eq=False)
class Pool:
    """All actors of one resource shape. most_per_training: how many may share a training."""

    shape: Shape
    most_per_training: int = 1
    actors: list[Actor] = field(default_factory=list)
    _reserved_since: float | None = None

    def free(self, call: Call) -> list[Actor]:
        """Return the actors that would run a call; empty if too few are free.

        A training in micro-batches gets up to ``most_per_training`` actors, preferably of one node.
        With fewer the numbers are the same, only later: actors that failed to start in
        ``STARTING_S`` are not counted, and busy ones are waited for at most ``RESERVED_S``.
        """
        free = [actor for actor in self.actors if actor.is_free]
        wanted = max(1, min(call.n_micro_batches, self.most_per_training, self._expected()))
        if len(free) < wanted and not self._reservation_is_over:
            return []
        hosts = Counter(actor.host for actor in free)
        return sorted(free, key=lambda actor: (-hosts[actor.host], actor.host))[:wanted]

    def reserve(self) -> None:
        """Reserve the free actors, if there are any, for a call that needs more."""
        if not any(actor.is_free for actor in self.actors):
            self._reserved_since = None
        elif self._reserved_since is None:
            self._reserved_since = time.monotonic()

    def take(self, call: Call) -> list[Actor]:
        """Return what `free` returns, and mark the actors as busy."""
        taken = self.free(call)
        for actor in taken:
            actor.is_busy = True
        if call.n_micro_batches > 1:
            self._reserved_since = None
        return taken

    @property
    def _reservation_is_over(self) -> bool:
        return (
            self._reserved_since is not None
            and time.monotonic() >= self._reserved_since + RESERVED_S
        )

    def _expected(self) -> int:
        """Return how many actors are or will soon be there: a lost one is replaced."""
        return self.shape.size - sum(actor.is_late for actor in self.actors)


def first_startable(pools: Mapping[str, Pool], calls: Sequence[Call]) -> Call | None:
    """Return the first of ``calls``, most urgent first, with enough free actors in its pool.

    pools: by kind of call. A pool with too few free actors for a call reserves them for it: a less
    urgent call of the same pool must not take them, or there would never be enough.
    """
    reserved: set[Pool] = set()
    for call in calls:
        pool = pools.get(call.kind)
        if pool is None or pool in reserved:
            continue
        if pool.free(call):
            return call
        pool.reserve()
        reserved.add(pool)
    return None
