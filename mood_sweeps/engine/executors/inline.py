"""The inline executor: this very process, one call at a time. The best debugger."""

from __future__ import annotations

from collections.abc import Callable

from mood_sweeps.engine.outcome import Outcome
from mood_sweeps.engine.run_call import run_call
from mood_sweeps.planning.calls import Call
from mood_sweeps.plugins.scorer_runner import LIMIT_S, ScorerRunner
from mood_sweeps.store import Lease, Store

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """Performs a call when its outcome is waited for; for the parameters see `RayExecutor`.

    debug: run plugins' code in this very process, and open a debugger where it raises.
    """

    name = "inline"
    runs_in_this_process = True

    def __init__(
        self,
        store: Store,
        keep_every_s: float = 60.0,
        *,
        scores_on_gpus: bool = False,
        plugin_timeout_s: float = LIMIT_S,
        debug: bool = False,
    ) -> None:
        self._runner = ScorerRunner(plugin_timeout_s, debug=debug)
        self._store = store
        self._keep_every_s = keep_every_s
        self._scores_on_gpus = scores_on_gpus
        self._queue: list[tuple[Call, Lease]] = []

    def check(self) -> None:
        """This process can always be reached."""

    def start(self) -> None:
        """Nothing to get ready."""

    def has_free_worker(self) -> Callable[[Call], bool]:
        """Return what says of any call whether nothing else is waiting to be performed."""
        return lambda _call: not self._queue

    def submit(self, call: Call, lease: Lease) -> None:
        """Take a call to be performed by `wait`."""
        self._queue.append((call, lease))

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Perform what was submitted, however long it takes."""
        del timeout_s
        queue, self._queue = self._queue, []
        return [
            run_call(
                call,
                self._store,
                lease,
                self._keep_every_s,
                self._runner,
                scores_on_gpu=self._scores_on_gpus,
            )
            for call, lease in queue
        ]

    def close(self) -> None:
        """Forget what was not performed, and end the plugins' processes."""
        self._queue.clear()
        self._runner.close()
