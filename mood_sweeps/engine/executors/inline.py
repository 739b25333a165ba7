"""The inline executor: this very process, one call at a time. The best debugger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.engine.attempt_logs.attempt_log import AttemptLog
from mood_sweeps.engine.attempt_logs.teed_output import TeedOutput
from mood_sweeps.engine.run_call import run_call
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.planning.calls import Call
from mood_sweeps.plugins.scorer_runner import ScorerRunner
from mood_sweeps.store import Lease, Store

__all__ = ["InlineExecutor", "InlineSettings"]


@dataclass(frozen=True)
class InlineSettings:
    """The inline executor has no settings of its own."""

    def limits(self) -> dict[str, tuple[bool, str]]:
        """Return of each setting whether its value is allowed, and which values are."""
        return {}


class InlineExecutor:
    """Runs a call when its outcome is waited for."""

    name = "inline"
    runs_in_this_process = True

    def __init__(self, store: Store, worker: WorkerSettings, settings: InlineSettings) -> None:
        del settings
        self._runner = ScorerRunner(worker.plugin_timeout_s, debug=worker.debug)
        self._store = store
        self._worker_settings = worker
        self._queue: list[tuple[Call, Lease, Path | None]] = []
        self._output = TeedOutput()

    def check(self) -> None:
        """This process can always be reached."""

    def start(self) -> None:
        """Nothing to get ready."""

    def first_startable(self, calls: Sequence[Call]) -> Call | None:
        """Return the first call, unless another one waits to be run."""
        return calls[0] if calls and not self._queue else None

    def submit(self, call: Call, lease: Lease, log: Path | None) -> None:
        """Take a call, which `wait` will run."""
        self._queue.append((call, lease, log))

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Run what was submitted, however long it takes."""
        del timeout_s
        queue, self._queue = self._queue, []
        return [
            run_call(
                call,
                self._store,
                lease,
                self._worker_settings,
                self._runner,
                AttemptLog(self._output, log),
            )
            for call, lease, log in queue
        ]

    def close(self) -> None:
        """Forget calls that were not run, and end the plugins' processes."""
        self._queue.clear()
        self._runner.close()
