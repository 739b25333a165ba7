"""Run one call on a worker: find its job's handler, run it, report what came of it.

It never raises: whatever happens comes back as an `Outcome`. The same function serves every
executor, which is why they agree.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import pdb
import platform
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from mood_sweeps.engine.attempt_logs.attempt_log import NO_LOG, AttemptLog, OpenedLog
from mood_sweeps.engine.environment import environment
from mood_sweeps.errors import CorruptObject, InputError, PluginFailed, StageFailed, one_line, plain
from mood_sweeps.internal_signals import LeaseLost, MemberLost
from mood_sweeps.jobs.context import JobContext, RunTrials
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.single_thread import single_thread
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.planning.calls import Call
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store import Lease, Store

if TYPE_CHECKING:
    from mood_sweeps.jobs.data_parallel import WorkerRank

__all__ = ["assist", "run_call"]


def run_call(
    call: Call,
    store: Store,
    lease: Lease,
    settings: WorkerSettings,
    runner: ScorerRunner,
    log: AttemptLog = NO_LOG,
    run_trials: RunTrials | None = None,
    worker_rank: WorkerRank | None = None,
) -> Outcome:
    """Run a call with its inputs in the store; publish only while ``lease`` is still held.

    log: of this attempt. For the other parameters see `JobContext`.
    """

    def work() -> Outcome:
        gpu = _gpu_for(call, settings)
        context = JobContext(
            store, lease, settings, runner, gpu, environment(gpu), run_trials, worker_rank
        )
        outcome: Outcome = importlib.import_module(call.job.handler).run(call, context)
        return outcome

    with log.opened(settings.log_level) as opened:
        return _reported(call, work, opened, debug=settings.debug)


def assist(
    call: Call, store: Store, settings: WorkerSettings, log: AttemptLog, worker_rank: WorkerRank
) -> Outcome:
    """Share a training with its leader, which runs it by `run_call`."""
    from mood_sweeps.jobs import train  # late, as it imports torch

    with log.opened(settings.log_level) as opened:
        return _reported(
            call, lambda: train.assist(call, store, worker_rank), opened, debug=settings.debug
        )


def _gpu_for(call: Call, settings: WorkerSettings) -> str | None:
    """Return the name of the GPU that a call computes on; None for the CPU."""
    scores_on_gpu = call.scoring is not None and settings.scores_on_gpus
    if call.job.resource != "gpu" and not scores_on_gpu:
        return None
    from mood_sweeps.jobs.device import own_gpu  # late, as it imports torch

    return own_gpu()


def _reported(call: Call, work: Callable[[], Outcome], log: OpenedLog, *, debug: bool) -> Outcome:
    """Return what ``work`` returns, or what it raises as an outcome; log both.

    debug: open a debugger where it raises.
    """
    started = time.perf_counter()
    worker = f"{platform.node()}:{os.getpid()}"
    log.begin(call, worker)
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
        _examine(error, log, debug=debug)
        # Raised on purpose: the message is complete, and only its cause needs a traceback.
        cause = traceback.format_exception(error.__cause__) if error.__cause__ else []
        outcome = Outcome(
            call.key, "failed", error=one_line(error), traceback=plain("".join(cause))
        )
    except PluginFailed as error:
        outcome = Outcome(
            call.key, "failed", error=one_line(error), traceback=plain(error.traceback)
        )
    except (Exception, SystemExit) as error:
        _examine(error, log, debug=debug)
        # The stage's own code failed: a value, not a crash.
        outcome = Outcome(
            call.key, "failed", error=one_line(error), traceback=plain(traceback.format_exc())
        )
    seconds = time.perf_counter() - started
    outcome = dataclasses.replace(outcome, worker=worker, seconds=seconds)
    log.end(outcome)
    return outcome


def _examine(error: BaseException, log: OpenedLog, *, debug: bool) -> None:
    """Log an error with its whole traceback, and open a debugger if that is wanted."""
    log.failure(error)
    if debug:
        traceback.print_exception(error)
        pdb.post_mortem(error.__traceback__)


def _import_for(call: Call) -> None:
    """Import what a call needs before its clock starts: a process pays that once.

    Late, because torch and timm take ten seconds that a scoring worker need not spend; before the
    call, because `single_thread` can only limit a torch that is loaded.
    """
    importlib.import_module(call.job.handler)
    scoring = call.scoring
    if scoring is not None and scoring.extracted and scoring.plugin is None:
        import mood_sweeps.jobs.network_banks  # noqa: F401
