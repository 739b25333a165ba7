"""mood-sweeps: pretext task × backbone × fine-tuning stage × scorer × ID/OOD pair, as one sweep.

    import mood_sweeps as ms
    launched = ms.launch("experiments/pretext_vs_scorer.yaml")
    ms.open_results().frame()

Every part also works alone: ``mood_sweeps.scorers``, ``mood_sweeps.metrics``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mood_sweeps.api import launch, load_sweep, open_results, plan
    from mood_sweeps.bank import FeatureBank, Head
    from mood_sweeps.engine.executors.inline import InlineSettings
    from mood_sweeps.engine.executors.ray.settings import RaySettings
    from mood_sweeps.errors import (
        CorruptObject,
        DatabaseError,
        ExecutorLost,
        InputError,
        MoodSweepsError,
        PluginFailed,
        StageFailed,
        StoreError,
        Undefined,
    )
    from mood_sweeps.experiment.sweep import Sweep
    from mood_sweeps.external_features.score_features import score_features
    from mood_sweeps.jobs.worker_settings import WorkerSettings
    from mood_sweeps.launching.launch_options import Options
    from mood_sweeps.launching.launch_result import LaunchResult
    from mood_sweeps.planning.plan import Plan
    from mood_sweeps.results.read_results import Results
    from mood_sweeps.workspace import Workspace

__all__ = [
    "CorruptObject",
    "DatabaseError",
    "ExecutorLost",
    "FeatureBank",
    "Head",
    "InlineSettings",
    "InputError",
    "LaunchResult",
    "MoodSweepsError",
    "Options",
    "Plan",
    "PluginFailed",
    "RaySettings",
    "Results",
    "StageFailed",
    "StoreError",
    "Sweep",
    "Undefined",
    "WorkerSettings",
    "Workspace",
    "launch",
    "load_sweep",
    "open_results",
    "plan",
    "score_features",
]

# Resolved on first use: importing the package, as the command line does for --help, stays instant.
_HOMES = {
    "mood_sweeps.api": ("launch", "load_sweep", "open_results", "plan"),
    "mood_sweeps.bank": ("FeatureBank", "Head"),
    "mood_sweeps.engine.executors.inline": ("InlineSettings",),
    "mood_sweeps.engine.executors.ray.settings": ("RaySettings",),
    "mood_sweeps.errors": (
        "CorruptObject",
        "DatabaseError",
        "ExecutorLost",
        "InputError",
        "MoodSweepsError",
        "PluginFailed",
        "StageFailed",
        "StoreError",
        "Undefined",
    ),
    "mood_sweeps.jobs.worker_settings": ("WorkerSettings",),
    "mood_sweeps.external_features.score_features": ("score_features",),
    "mood_sweeps.launching.launch": ("LaunchResult", "Options"),
    "mood_sweeps.planning.plan": ("Plan",),
    "mood_sweeps.results.read_results": ("Results",),
    "mood_sweeps.experiment.sweep": ("Sweep",),
    "mood_sweeps.workspace": ("Workspace",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
