"""The worker process of a pool: a few lines round `perform`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.engine.perform import perform
from mood_sweeps.planner.call import Call
from mood_sweeps.stages.threads import single_thread
from mood_sweeps.store import Lease, Store

if TYPE_CHECKING:
    from mood_sweeps.stages.trials import Trials

__all__ = ["Worker"]


class Worker:
    """Performs one call after the other on the store at ``store_root``.

    keep_every_s: seconds between two keepings of a training's state.
    """

    def __init__(self, store_root: str, keep_every_s: float) -> None:
        self._store = Store(store_root)
        self._keep_every_s = keep_every_s
        self._trials: Trials | None = None
        self._failure: Exception | None = None

    def get_ready(self, imports_torch: bool) -> None:
        """Import what training needs, if this worker is to train."""
        if imports_torch:
            import mood_sweeps.stages.train  # noqa: F401

    def perform(self, call: Call, lease: Lease) -> Outcome:
        """See `perform`."""
        return perform(call, self._store, lease, self._keep_every_s, self._run_trials)

    def advance(self, number: int, rung: int) -> float | None:
        """Take a trial of the search that is being performed to a rung, in a thread beside it.

        None, and nothing is done, if the search does not have it go there.
        """
        assert self._trials is not None
        try:
            if not self._trials.is_wanted(number, rung):
                return None
            with single_thread():
                return self._trials.advance(number, rung)
        except Exception as error:
            self._failure = error  # itself, of which Tune would make a text
            raise

    def _run_trials(self, trials: Trials) -> None:
        from mood_sweeps.engine.tune_trials import run_in_tune  # late: importing it takes a second

        self._trials, self._failure = trials, None
        run_in_tune(trials)
        if self._failure is not None:
            raise self._failure
