"""The scheduler: pure bookkeeping of what may start now. It knows no clock, no Ray and no store."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from mood_sweeps.planning.calls import Call

__all__ = ["Schedule"]

SHORT_S = 1.0
FirstStartable = Callable[[Sequence[Call]], Call | None]


class Schedule:
    """Hands out calls with inputs that exist, the most urgent first.

    Scoring, extraction and whatever else is expected to take less than a second go before
    training: they turn finished checkpoints into rows early. Among trainings the one with the
    longest path behind it goes first, which keeps the end of the sweep from waiting for one long
    chain.
    """

    def __init__(self, calls: Sequence[Call], seconds: Mapping[str, float] | None = None) -> None:
        """Take calls in any order; ``seconds`` estimates each call's duration by its key."""
        self._calls = {call.key: call for call in calls}
        makers = {ref: call.key for call in calls for ref in call.makes}
        self._waits_for: dict[str, set[str]] = {}
        self._feeds: dict[str, list[str]] = {key: [] for key in self._calls}
        for call in calls:
            sources = {makers[ref] for ref in call.needs if ref in makers}
            self._waits_for[call.key] = sources
            for source in sources:
                self._feeds[source].append(call.key)
        self._short = {
            call.key
            for call in calls
            if call.job.is_short or (seconds or {}).get(call.key, math.inf) < SHORT_S
        }
        self._remaining_s = _longest_paths(self._calls, self._feeds, seconds or {})
        self._ready: dict[str, list[tuple[bool, float, int, str]]] = defaultdict(list)
        self._order = {key: position for position, key in enumerate(self._calls)}
        self._open = set(self._calls)
        for key, sources in self._waits_for.items():
            if not sources:
                self._push(key)

    @property
    def finished(self) -> bool:
        """Whether every call is done, failed or skipped."""
        return not self._open

    def pop(
        self, first_startable: FirstStartable = lambda calls: next(iter(calls), None)
    ) -> Call | None:
        """Return the most urgent call that may start now, or None; it is handed out once.

        first_startable: chooses among the most urgent call of every kind, in order of urgency, the
        first that has free workers. Free workers do not wait because the most urgent call needs
        others.
        """
        urgent = sorted(filter(None, self._ready.values()), key=lambda ready: ready[0])
        call = first_startable([self._calls[ready[0][-1]] for ready in urgent])
        if call is not None:
            heapq.heappop(self._ready[call.kind])
        return call

    def put_back(self, call: Call) -> None:
        """Make a call that was handed out ready again."""
        self._push(call.key)

    def succeed(self, call: Call) -> None:
        """Note that a call is done; what waited for it alone becomes ready."""
        self._open.discard(call.key)
        for key in self._feeds[call.key]:
            self._waits_for[key].discard(call.key)
            if not self._waits_for[key] and key in self._open:
                self._push(key)

    def fail(self, call: Call) -> list[Call]:
        """Note that a call failed; return its descendants, which will never start."""
        self._open.discard(call.key)
        skipped: list[Call] = []
        stack = list(self._feeds[call.key])
        while stack:
            key = stack.pop()
            if key in self._open:
                self._open.discard(key)
                skipped.append(self._calls[key])
                stack.extend(self._feeds[key])
        return skipped

    def _push(self, key: str) -> None:
        urgency = (key not in self._short, -self._remaining_s[key], self._order[key], key)
        heapq.heappush(self._ready[self._calls[key].kind], urgency)


def _longest_paths(
    calls: Mapping[str, Call], feeds: Mapping[str, list[str]], seconds: Mapping[str, float]
) -> dict[str, float]:
    """Return for each call the seconds of the longest path from it to an end, itself included."""
    remaining: dict[str, float] = {}
    for start in calls:
        stack = [start]
        while stack:
            key = stack[-1]
            ahead = [after for after in feeds[key] if after not in remaining]
            if ahead:
                stack.extend(ahead)
                continue
            stack.pop()
            if key not in remaining:
                longest = max((remaining[after] for after in feeds[key]), default=0.0)
                remaining[key] = seconds.get(key, 1.0) + longest
    return remaining
