"""Perform one call, on whatever worker: look again, do what is missing, publish, report.

It never raises: whatever happens comes back as an `Outcome`. The same function serves every
executor, which is why they agree.
"""

from __future__ import annotations

import dataclasses
import math
import os
import platform
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from mood_sweeps.engine.call_runner import CallRunner, RunTrials, runs_networks
from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.errors import (
    CorruptObject,
    InputError,
    LeaseLost,
    MemberLost,
    StageFailed,
    one_line,
    plain,
)
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.planning.calls import Call, ScoreBanks, Train
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store import Lease, Store

if TYPE_CHECKING:
    from mood_sweeps.jobs.data_parallel import WorkerRank

__all__ = ["assist", "run_call"]


def run_call(
    call: Call,
    store: Store,
    lease: Lease,
    keep_every_s: float,
    runner: ScorerRunner,
    run_trials: RunTrials | None = None,
    worker_rank: WorkerRank | None = None,
    scores_on_gpu: bool = False,
) -> Outcome:
    """Run a call whose inputs are in the store; publish only while ``lease`` is still held.

    keep_every_s: seconds between two keepings of a training's state. runner: fits and scores.
    run_trials: runs the search of
    a stage that is tuned; by default in this process, one trial after another. seat: this
    process's in the team that shares a training. scores_on_gpu: whether scorers multiply on the GPU
    that this process was given, if it was.
    """
    return _reported(
        call,
        lambda: CallRunner(
            call, store, lease, keep_every_s, runner, run_trials, worker_rank, scores_on_gpu
        ).outcome(),
    )


def assist(call: Call, store: Store, worker_rank: WorkerRank) -> Outcome:
    """Share a training that another process performs, which keeps and publishes what comes of it.

    seat: see `run_call`.
    """

    def share() -> Outcome:
        assert isinstance(call.work, Train)
        stage = call.work.stage
        if store.has(stage.ref):
            return Outcome(call.key, "reused")
        from mood_sweeps.jobs.data_parallel import (
            train_data_parallel,  # late for cost, as all imports here
        )

        train_data_parallel(stage, store, None, math.inf, worker_rank)
        return Outcome(call.key, "done")

    return _reported(call, share)


def _reported(call: Call, work: Callable[[], Outcome]) -> Outcome:
    """Return what ``work`` returns, or what it raises as an outcome."""
    started = time.perf_counter()
    worker = f"{platform.node()}:{os.getpid()}"
    try:
        _import_for(call)
        started = time.perf_counter()
        with single_thread():
            outcome = work()
    except CorruptObject as error:
        outcome = Outcome(call.key, "input corrupt", error=str(error), corrupt=error.ref)
    except LeaseLost as error:
        outcome = Outcome(call.key, "lease lost", error=str(error))
    except MemberLost as error:
        outcome = Outcome(call.key, "worker lost", error=one_line(error))
    except (StageFailed, InputError) as error:
        # Raised on purpose: what is said is all there is to know, but for what led to it.
        led_to_it = traceback.format_exception(error.__cause__) if error.__cause__ else []
        outcome = Outcome(
            call.key, "failed", error=one_line(error), traceback=plain("".join(led_to_it))
        )
    except (Exception, SystemExit) as error:
        # The stage's own code: its failure is a value, not a crash.
        outcome = Outcome(
            call.key, "failed", error=one_line(error), traceback=plain(traceback.format_exc())
        )
    seconds = time.perf_counter() - started
    return dataclasses.replace(outcome, worker=worker, seconds=seconds)


def _import_for(call: Call) -> None:
    """Import what a call needs ahead of it: a process pays that once, no stage's duration bears it.

    And `single_thread` can only limit a torch that is loaded.

    Late, because torch and timm take ten seconds that a scoring worker need not spend.
    """
    scores_with_network = (
        isinstance(call.work, ScoreBanks) and call.work.extracted and call.work.plugin is None
    )
    if runs_networks(call) or scores_with_network:
        import mood_sweeps.jobs.extract_banks
        import mood_sweeps.jobs.make_picture
        import mood_sweeps.jobs.network_banks
        import mood_sweeps.jobs.train_stage  # noqa: F401
