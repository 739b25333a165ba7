"""How to run a launch: nothing here changes a number."""

from __future__ import annotations

from dataclasses import dataclass, field

from mood_sweeps.engine.executors.catalogue import settings_of
from mood_sweeps.engine.executors.contract import ExecutorSettings
from mood_sweeps.engine.executors.inline import InlineSettings
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.errors import Problem
from mood_sweeps.jobs.worker_settings import WorkerSettings

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """How to run a launch.

    executor: where calls run, as settings (`RaySettings`, `InlineSettings`) or by name (``ray``,
    ``inline``) for the default settings. worker: settings of every worker. max_failures: start no
    new call after so many failed. mlflow: mirror into MLflow. mlflow_wait_s: seconds to wait at the
    end for MLflow to catch up. Raises InputError for an unknown executor.
    """

    executor: ExecutorSettings | str = field(default_factory=RaySettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    max_failures: int | None = None
    mlflow: bool = True
    mlflow_wait_s: float = 60.0

    @property
    def executor_settings(self) -> ExecutorSettings:
        """The settings of the executor."""
        return settings_of(self.executor) if isinstance(self.executor, str) else self.executor

    def problems(self) -> list[Problem]:
        """Return a problem for every setting outside its range; NaN is outside every range."""
        executor = self.executor_settings
        is_inline = isinstance(executor, InlineSettings)
        own = {
            "max_failures": (self.max_failures is None or self.max_failures >= 1, "at least 1"),
            "mlflow_wait_s": (self.mlflow_wait_s >= 0.0, "at least 0"),
        }
        debug = {"debug": (not self.worker.debug or is_inline, "only with executor inline")}
        checked: tuple[tuple[object, dict[str, tuple[bool, str]]], ...] = (
            (executor, executor.limits()),
            (self.worker, self.worker.limits() | debug),
            (self, own),
        )
        return [
            Problem(f"{name} is {getattr(holder, name)!r}; allowed: {allowed}")
            for holder, limits in checked
            for name, (is_allowed, allowed) in limits.items()
            if not is_allowed
        ]
