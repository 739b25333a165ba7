"""The worker process of a pool: a few lines round `run_call`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.engine.run_call import assist, run_call
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.planning.calls import Call
from mood_sweeps.plugins.scorer_runner import LIMIT_S, ScorerRunner
from mood_sweeps.store import Lease, Store

if TYPE_CHECKING:
    from mood_sweeps.jobs.data_parallel import Rendezvous
    from mood_sweeps.jobs.tuning_trials import Trials

__all__ = ["Worker"]


class Worker:
    """Performs one call after the other on the store at ``store_root``.

    keep_every_s: seconds between two keepings of a training's state. plugin_timeout_s: see
    `ScorerRunner`. scores_on_gpu: see `run_call`.
    """

    def __init__(
        self,
        store_root: str,
        keep_every_s: float,
        plugin_timeout_s: float = LIMIT_S,
        scores_on_gpu: bool = False,
    ) -> None:
        self._runner = ScorerRunner(plugin_timeout_s)
        self._store = Store(store_root)
        self._keep_every_s = keep_every_s
        self._scores_on_gpu = scores_on_gpu
        self._trials: Trials | None = None
        self._failure: Exception | None = None
        self._rendezvous: Rendezvous | None = None

    def get_ready(self, imports_torch: bool, has_gpu: bool) -> str:
        """Import what training needs, if this worker is to train; return its node's address."""
        if not has_gpu:  # Ray shows a worker that was given none all there are
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        if imports_torch:
            import mood_sweeps.jobs.train_stage  # noqa: F401
        return self._host()

    def run_call(self, call: Call, lease: Lease) -> Outcome:
        """See `run_call`."""
        return run_call(
            call,
            self._store,
            lease,
            self._keep_every_s,
            self._runner,
            self._run_trials,
            scores_on_gpu=self._scores_on_gpu,
        )

    def open_rendezvous(self) -> tuple[str, int]:
        """Open a meeting for a training that several share; return where it is."""
        from mood_sweeps.jobs.data_parallel import Rendezvous  # late: with it comes torch

        self._rendezvous = Rendezvous(self._host())
        return self._rendezvous.address

    def lead(self, call: Call, lease: Lease, size: int) -> Outcome:
        """Perform a training together with those that `assist`, who come to the meeting."""
        from mood_sweeps.jobs.data_parallel import WorkerRank

        assert self._rendezvous is not None
        worker_rank = WorkerRank(self._rendezvous, 0, size, self._host())
        try:
            return run_call(
                call, self._store, lease, self._keep_every_s, self._runner, worker_rank=worker_rank
            )
        finally:
            self._rendezvous = None

    def assist(self, call: Call, rendezvous: tuple[str, int], rank: int, size: int) -> Outcome:
        """See `run_call.assist`."""
        from mood_sweeps.jobs.data_parallel import WorkerRank

        return assist(call, self._store, WorkerRank(rendezvous, rank, size, self._host()))

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
        from mood_sweeps.engine.executors.ray.tune_trials import (
            run_in_tune,  # late: importing it takes a second
        )

        self._trials, self._failure = trials, None
        run_in_tune(trials)
        if self._failure is not None:
            raise self._failure

    def _host(self) -> str:
        import ray  # late: a launch with nothing to run imports this file, not Ray

        return str(ray.util.get_node_ip_address())
