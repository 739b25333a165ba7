"""The worker process of a pool: a few lines round `perform`."""

from __future__ import annotations

from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.engine.perform import perform
from mood_sweeps.planner.call import Call
from mood_sweeps.store import Lease, Store

__all__ = ["Worker"]


class Worker:
    """Performs one call after the other on the store at ``store_root``.

    keep_every_s: seconds between two keepings of a training's state.
    """

    def __init__(self, store_root: str, keep_every_s: float) -> None:
        self._store = Store(store_root)
        self._keep_every_s = keep_every_s

    def get_ready(self, imports_torch: bool) -> None:
        """Import what training needs, if this worker is to train."""
        if imports_torch:
            import mood_sweeps.stages.train  # noqa: F401

    def perform(self, call: Call, lease: Lease) -> Outcome:
        """See `perform`."""
        return perform(call, self._store, lease, self._keep_every_s)
