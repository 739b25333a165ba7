"""The worker process of a pool: a few lines round `run_call`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mood_sweeps.engine.attempt_logs.attempt_log import AttemptLog
from mood_sweeps.engine.attempt_logs.captured_output import CapturedOutput
from mood_sweeps.engine.attempt_logs.log_file import log_of_rank
from mood_sweeps.engine.run_call import assist, run_call
from mood_sweeps.jobs.context import RunTrials
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.planning.calls import Call
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store import Lease, Store

if TYPE_CHECKING:
    from mood_sweeps.jobs.data_parallel import Rendezvous, WorkerRank
    from mood_sweeps.jobs.tuning_trials import Trials

__all__ = ["Worker"]


class Worker:
    """Runs one call after the other on the store at ``store_root``."""

    def __init__(self, store_root: str, settings: WorkerSettings) -> None:
        self._output = CapturedOutput()
        self._runner = ScorerRunner(settings.plugin_timeout_s)
        self._store = Store(store_root)
        self._settings = settings
        self._trials: Trials | None = None
        self._failure: Exception | None = None
        self._rendezvous: Rendezvous | None = None

    def get_ready(self, imports_torch: bool, has_gpu: bool) -> str:
        """Import what training needs, if this worker is to train; return its node's address."""
        if not has_gpu:  # Ray shows a worker that was given none all there are
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        if imports_torch:
            import mood_sweeps.jobs.train  # noqa: F401
        return self._host()

    def run_call(self, call: Call, lease: Lease, log: Path | None) -> Outcome:
        """See `run_call`."""
        return self._run(call, lease, log, run_trials=self._run_trials)

    def open_rendezvous(self) -> tuple[str, int]:
        """Open the rendezvous of a training that several workers share; return its address."""
        from mood_sweeps.jobs.data_parallel import Rendezvous  # late: with it comes torch

        self._rendezvous = Rendezvous(self._host())
        return self._rendezvous.address

    def lead(self, call: Call, lease: Lease, size: int, log: Path | None) -> Outcome:
        """Run a training as rank 0; the other workers `assist` through the rendezvous."""
        from mood_sweeps.jobs.data_parallel import WorkerRank

        assert self._rendezvous is not None
        worker_rank = WorkerRank(self._rendezvous, 0, size, self._host())
        try:
            return self._run(call, lease, log, worker_rank=worker_rank)
        finally:
            self._rendezvous = None

    def assist(
        self,
        call: Call,
        rendezvous: tuple[str, int],
        rank: int,
        size: int,
        log: Path | None,
    ) -> Outcome:
        """See `run_call.assist`."""
        from mood_sweeps.jobs.data_parallel import WorkerRank

        worker_rank = WorkerRank(rendezvous, rank, size, self._host())
        own_log = AttemptLog(self._output, None if log is None else log_of_rank(log, rank))
        return assist(call, self._store, self._settings, own_log, worker_rank)

    def advance(self, number: int, rung: int) -> float | None:
        """Train a trial of the running search to a rung, in a second thread; return its accuracy.

        Returns None, and trains nothing, if the search stops the trial before that rung.
        """
        assert self._trials is not None
        try:
            if not self._trials.is_wanted(number, rung):
                return None
            with single_thread():
                return self._trials.advance(number, rung)
        except Exception as error:
            self._failure = error  # the exception object; Tune would keep only its text
            raise

    def _run(
        self,
        call: Call,
        lease: Lease,
        log: Path | None,
        run_trials: RunTrials | None = None,
        worker_rank: WorkerRank | None = None,
    ) -> Outcome:
        return run_call(
            call,
            self._store,
            lease,
            self._settings,
            self._runner,
            AttemptLog(self._output, log),
            run_trials,
            worker_rank,
        )

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
