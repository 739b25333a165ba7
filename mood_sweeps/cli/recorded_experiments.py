"""Experiments that were launched in this workspace: their plans, and a cell found by words."""

from __future__ import annotations

from collections.abc import Sequence

from mood_sweeps.api import plan
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.experiment_file import read_sweep
from mood_sweeps.launching.explain import find_cell
from mood_sweeps.planning.plan import Cell, Plan
from mood_sweeps.results.read_results import Results
from mood_sweeps.workspace import Workspace

__all__ = ["recorded_cell", "recorded_plan", "require_file"]


def require_file(file: str | None, overrides: Sequence[str]) -> None:
    """Raise InputError for overrides of an experiment file that is not named."""
    if overrides and not file:
        raise InputError("--set changes a file: name it with --file")


def recorded_plan(text: str, file: str, workspace: Workspace, data_roots: Sequence[str]) -> Plan:
    """Return the plan of a recorded experiment: its text, and the file it was launched from."""
    return plan(read_sweep(text, workspace.found(file), data_roots=data_roots))


def recorded_cell(
    results: Results | None, words: str, workspace: Workspace, data_roots: Sequence[str]
) -> Cell:
    """Return the cell from the first recorded experiment, newest first, that has it.

    words: see `find_cell`. Raises InputError if there is none.
    """
    experiments = results.experiments() if results is not None else []
    if not experiments:
        raise InputError("nothing was launched in this workspace yet; name the file with --file")
    refusal: InputError | None = None
    for text, file in experiments:
        try:
            return find_cell(recorded_plan(text, file, workspace, data_roots), words)
        except InputError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal
