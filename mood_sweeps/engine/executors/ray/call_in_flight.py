"""An attempt at a call: the actors that perform it together, and what each of them came to."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.engine.executors.ray.worker_pool import Actor, Pool
from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.planning.calls import Call

__all__ = ["CallInFlight"]

GRACE_S = 10.0
"""How long the others may take to end once the leader has, or one that lost them or failed."""


@dataclass(eq=False)
class CallInFlight:
    """A call on one actor, or a training on several that share it.

    members: by the reference of what each was asked for, the leader first.
    """

    call: Call
    pool: Pool
    members: Mapping[Any, Actor]
    _came: dict[Any, Outcome] = field(default_factory=dict)
    _due_at: float = math.inf

    def came(self, reference: Any, outcome: Outcome) -> None:
        """Take what a member came to; as a rule the others are waited for a while only, then.

        Who assisted is done before its leader, who measures and publishes what they trained.
        """
        self._came[reference] = outcome
        if outcome.verdict != "done" or reference == next(iter(self.members)):
            self._due_at = min(self._due_at, time.monotonic() + GRACE_S)

    @property
    def is_over(self) -> bool:
        """Whether every member came back."""
        return len(self._came) == len(self.members)

    def take_overdue(self) -> list[Actor]:
        """Return the actors that are waited for no longer; asked again soon after, nobody."""
        if time.monotonic() < self._due_at:
            return []
        self._due_at = time.monotonic() + GRACE_S
        return [actor for reference, actor in self.members.items() if reference not in self._came]

    def outcome(self) -> Outcome:
        """Return the leader's outcome; if it only lost another, what that one says of itself."""
        leader, *others = (self._came[reference] for reference in self.members)
        if leader.verdict == "worker lost":
            told = [other for other in others if other.verdict in ("failed", "input corrupt")]
            return told[0] if told else leader
        return leader
