"""The settings that travel to every worker; none of them changes a number."""

from __future__ import annotations

from dataclasses import dataclass

from mood_sweeps.plugins.scorer_runner import LIMIT_S

__all__ = ["LOG_LEVELS", "WorkerSettings"]

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker runs its calls.

    keep_every_s: seconds between two saves of a training's resume state. plugin_timeout_s: seconds
    after which a plugin's scorer, fitting or scoring one bank, counts as hung. scores_on_gpus:
    whether workers with a GPU score there; numbers differ by rounding only. debug: run plugins'
    code in the worker's own process, with a debugger where a scorer or stage raises. log_level: of
    the package's records in the log of every attempt: ``debug``, ``info``, ``warning`` or
    ``error``.
    """

    keep_every_s: float = 60.0
    plugin_timeout_s: float = LIMIT_S
    scores_on_gpus: bool = False
    debug: bool = False
    log_level: str = "info"

    def limits(self) -> dict[str, tuple[bool, str]]:
        """Return of each setting whether its value is allowed, and which values are."""
        return {
            "keep_every_s": (self.keep_every_s >= 0.0, "at least 0"),
            "plugin_timeout_s": (self.plugin_timeout_s > 0.0, "more than 0"),
            "log_level": (self.log_level in LOG_LEVELS, ", ".join(LOG_LEVELS)),
        }
