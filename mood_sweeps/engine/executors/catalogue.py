"""Every executor by the name that the command line calls it."""

from __future__ import annotations

from collections.abc import Mapping

from mood_sweeps.choice import did_you_mean
from mood_sweeps.engine.executors.contract import Executor, ExecutorSettings
from mood_sweeps.engine.executors.inline import InlineExecutor, InlineSettings
from mood_sweeps.engine.executors.ray.executor import RayExecutor
from mood_sweeps.engine.executors.ray.settings import RaySettings
from mood_sweeps.errors import InputError
from mood_sweeps.jobs.worker_settings import WorkerSettings
from mood_sweeps.store import Store

__all__ = ["EXECUTORS", "build_executor", "settings_of"]

EXECUTORS: Mapping[str, tuple[type[ExecutorSettings], type[Executor]]] = {
    "ray": (RaySettings, RayExecutor),
    "inline": (InlineSettings, InlineExecutor),
}
"""An executor is built from a store, the workers' settings and its own settings."""


def settings_of(name: str) -> ExecutorSettings:
    """Return the default settings of an executor; raise InputError for an unknown name."""
    if name not in EXECUTORS:
        raise InputError(f"unknown executor {name!r}{did_you_mean(name, EXECUTORS)}")
    return EXECUTORS[name][0]()


def build_executor(store: Store, worker: WorkerSettings, settings: ExecutorSettings) -> Executor:
    """Return the executor that these settings belong to."""
    for kind, executor in EXECUTORS.values():
        if isinstance(settings, kind):
            built: Executor = executor(store, worker, settings)  # type: ignore[call-arg]
            return built
    raise InputError(f"{type(settings).__name__} are the settings of no executor")
