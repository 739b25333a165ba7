"""The result of a launch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mood_sweeps.planning.plan import Plan
from mood_sweeps.results.read_results import Results
from mood_sweeps.workspace import Workspace

__all__ = ["LaunchResult"]


@dataclass
class LaunchResult:
    """The result of a launch.

    exit_code: 0 done, 1 cells failed, 130 interrupted. failures: one line each. alarms: numbers
    or objects that differ from those of an earlier run. unmirrored: outbox items that are not in
    MLflow yet. revision: of the sweep, as in the view `results_all`; ``cells`` counts its cells.
    is_shown: whether the view `results` shows this revision; False if a later launch replaced it.
    launch: its id; None where nothing had to run. notes: further remarks, one line each.
    """

    plan: Plan
    workspace: Workspace
    seconds: float = 0.0
    stages_run: int = 0
    adopted: int = 0
    cells: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    unmirrored: int = 0
    interrupted: bool = False
    revision: int | None = None
    is_shown: bool = True
    launch: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The exit code of `mood-sweep launch`."""
        if self.interrupted:
            return 130
        return 1 if self.failures or self.cells.get("done", 0) < len(self.plan.cells) else 0

    def frame(self) -> Any:
        """Return one row per cell of this launch, even if its name was launched again since.

        A pandas frame with the columns of the view `results`.
        """
        assert self.revision is not None  # every launch that returned has one
        frame = self.results().frame(sweep=self.plan.sweep.name, revision=self.revision)
        return frame.drop(columns=["revision", "revision_digest"])

    def results(self) -> Results:
        """Return the results database for reading."""
        return Results(self.workspace.open_database())
