"""How to run a launch: nothing here changes a number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mood_sweeps.errors import Problem
from mood_sweeps.plugins.scorer_runner import LIMIT_S

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """How to run, none of which changes a number.

    executor: ``ray`` or ``inline``. address: of a Ray cluster; None starts one here. workers:
    at most so many CPU workers. gpus_per_worker: share of a GPU per worker, where there are any.
    workers_per_training: at most so many share a training whose batches are in parts.
    scores_on_gpus: whether scoring is left to the workers that have GPUs, and done there; numbers
    are the same but for rounding.
    max_failures: stop starting new calls after so many failed. mlflow: mirror into MLflow.
    mlflow_wait_s: how long to wait at the end for MLflow to catch up. keep_every_s: how often the
    state of a training is kept, so that one that is killed goes on from there. plugin_timeout_s: a
    plugin's scorer that takes longer than this, to fit or to score one bank, counts as hung.
    debug: run plugins' code in this process, and open a debugger where it raises; inline only.
    """

    executor: str = "ray"
    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float = 1.0
    workers_per_training: int = 1
    scores_on_gpus: bool = False
    max_failures: int | None = None
    mlflow: bool = True
    mlflow_wait_s: float = 60.0
    keep_every_s: float = 60.0
    plugin_timeout_s: float = LIMIT_S
    debug: bool = False

    def problems(self) -> list[Problem]:
        """Return what no launch can run with; a NaN is in no range."""
        allowed = {
            "executor": (self.executor in ("ray", "inline"), "ray or inline"),
            "workers": (self.workers is None or self.workers >= 1, "at least 1"),
            "gpus_per_worker": (0.0 < self.gpus_per_worker < math.inf, "more than 0"),
            "workers_per_training": (self.workers_per_training >= 1, "at least 1"),
            "max_failures": (self.max_failures is None or self.max_failures >= 1, "at least 1"),
            "keep_every_s": (self.keep_every_s >= 0.0, "at least 0"),
            "plugin_timeout_s": (self.plugin_timeout_s > 0.0, "more than 0"),
            "debug": (not self.debug or self.executor == "inline", "only with executor inline"),
            "mlflow_wait_s": (self.mlflow_wait_s >= 0.0, "at least 0"),
        }
        found = [
            Problem(f"{name} is {getattr(self, name)!r}; allowed: {wanted}")
            for name, (is_allowed, wanted) in allowed.items()
            if not is_allowed
        ]
        if self.workers_per_training > 1 and self.gpus_per_worker < 1:
            found.append(
                Problem(
                    f"gpus_per_worker is {self.gpus_per_worker!r}: workers that share a training "
                    "need a GPU each; allowed: 1 or more, or workers_per_training 1"
                )
            )
        return found
