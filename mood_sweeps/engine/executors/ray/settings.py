"""The settings of the Ray executor."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["RaySettings"]


@dataclass(frozen=True)
class RaySettings:
    """Where Ray runs and how many workers it gets; none of this changes a number.

    address: of a running cluster; None starts one on this machine. workers: at most so many workers
    without a GPU; None for one per CPU. gpus_per_worker: the share of a GPU that a training or
    extracting worker takes, where there are any. workers_per_training: at most so many workers
    share a training in micro-batches.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float = 1.0
    workers_per_training: int = 1

    def limits(self) -> dict[str, tuple[bool, str]]:
        """Return of each setting whether its value is allowed, and which values are."""
        shares_gpus = self.workers_per_training > 1 and self.gpus_per_worker < 1
        return {
            "workers": (self.workers is None or self.workers >= 1, "at least 1"),
            "gpus_per_worker": (
                0.0 < self.gpus_per_worker < math.inf and not shares_gpus,
                "1 or more, as workers that share a training need a GPU each (or "
                "workers_per_training 1)"
                if shares_gpus
                else "more than 0",
            ),
            "workers_per_training": (self.workers_per_training >= 1, "at least 1"),
        }
