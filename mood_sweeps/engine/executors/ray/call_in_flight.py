"""A call in flight: the actors that run it together, and the outcome of each."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.engine.executors.ray.worker_pool import Actor, Pool
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.planning.calls import Call

__all__ = ["CallInFlight"]

GRACE_S = 10.0
"""Seconds that the other members get to end, once the leader ended or any member failed."""


@dataclass(eq=False)
class CallInFlight:
    """A call on one actor, or a training on several that share it.

    members: actors by the reference of their outcome, the leader first.
    """

    call: Call
    pool: Pool
    members: Mapping[Any, Actor]
    _outcomes: dict[Any, Outcome] = field(default_factory=dict)
    _due_at: float = math.inf

    def add_outcome(self, reference: Any, outcome: Outcome) -> None:
        """Take the outcome of a member.

        Once the leader ends or a member fails, the rest get ``GRACE_S`` before they are overdue.
        Assistants end before the leader, which still has to evaluate and publish.
        """
        self._outcomes[reference] = outcome
        if outcome.verdict != "done" or reference == next(iter(self.members)):
            self._due_at = min(self._due_at, time.monotonic() + GRACE_S)

    @property
    def is_over(self) -> bool:
        """Whether every member has an outcome."""
        return len(self._outcomes) == len(self.members)

    def take_overdue(self) -> list[Actor]:
        """Return the members that are overdue; each is returned once in ``GRACE_S``."""
        if time.monotonic() < self._due_at:
            return []
        self._due_at = time.monotonic() + GRACE_S
        return [
            actor for reference, actor in self.members.items() if reference not in self._outcomes
        ]

    def outcome(self) -> Outcome:
        """Return the leader's outcome; if it lost a member that failed, that member's."""
        leader, *others = (self._outcomes[reference] for reference in self.members)
        if leader.verdict == "worker lost":
            failed = [other for other in others if other.verdict in ("failed", "input corrupt")]
            return failed[0] if failed else leader
        return leader
