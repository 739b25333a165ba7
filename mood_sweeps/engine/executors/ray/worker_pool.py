"""Pools of actors: who is free for which call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.engine.executors.ray.worker_shapes import Shape
from mood_sweeps.planning.calls import Call

__all__ = ["Actor", "Pool", "has_free_worker"]

STARTING_S = 120.0
"""How long an actor that is starting is counted on."""
KEPT_S = 120.0
"""How long free actors are kept for a call that needs more of them."""


@dataclass(eq=False)
class Actor:
    """A worker process and whether it is performing a call.

    starting: what resolves once the worker can take calls; None since it can. A worker that Ray
    found no place for stays there, and nothing waits behind it. host: the address of its node.

    One call at a time: a second one waiting behind a training could not move to an actor that
    becomes free meanwhile, and the gap between two calls is under a millisecond.
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
        """Whether it has been starting for so long that it may never be ready."""
        return self.starting is not None and time.monotonic() >= self.begun_at + STARTING_S


@dataclass(eq=False)
class Pool:
    """All actors of one resource shape. most: how many of them may share a training."""

    shape: Shape
    most: int = 1
    actors: list[Actor] = field(default_factory=list)
    _kept_since: float | None = None

    def free(self, call: Call) -> list[Actor]:
        """Return the actors that are to perform a call, none if they are too few.

        A training whose batches are in parts is shared by up to ``most``, of one node as far as
        may be. Fewer would come to the same numbers, later: who will hardly ever start is not
        waited for, nor longer than ``KEPT_S`` for who performs something else.
        """
        free = [actor for actor in self.actors if actor.is_free]
        wanted = max(1, min(call.parts, self.most, self._expected()))
        if len(free) < wanted and not self._was_kept:
            return []
        hosts = Counter(actor.host for actor in free)
        return sorted(free, key=lambda actor: (-hosts[actor.host], actor.host))[:wanted]

    def keep(self) -> None:
        """Keep the free actors for a call that needs more; where none is, nothing is kept yet."""
        if not any(actor.is_free for actor in self.actors):
            self._kept_since = None
        elif self._kept_since is None:
            self._kept_since = time.monotonic()

    def take(self, call: Call) -> list[Actor]:
        """Return what `free` does; they are busy from now on."""
        taken = self.free(call)
        for actor in taken:
            actor.is_busy = True
        if call.parts > 1:
            self._kept_since = None
        return taken

    @property
    def _was_kept(self) -> bool:
        return self._kept_since is not None and time.monotonic() >= self._kept_since + KEPT_S

    def _expected(self) -> int:
        """Return how many actors there may be soon: one that was lost is replaced."""
        return self.shape.size - sum(actor.is_late for actor in self.actors)


def has_free_worker(pools: dict[str, Pool]) -> Callable[[Call], bool]:
    """Return what says of calls, asked for in order of urgency, whether they may start now.

    pools: by kind of call. Where free actors are too few for a call, they are kept for it: a less
    urgent one of the same pool does not take them, or the others would never come together.
    """
    kept: set[Pool] = set()

    def has_room(call: Call) -> bool:
        pool = pools.get(call.kind)
        if pool is None or pool in kept:
            return False
        if pool.free(call):
            return True
        pool.keep()
        kept.add(pool)
        return False

    return has_room
