"""A cell of an experiment that was launched in this workspace, found by words."""

from __future__ import annotations

from collections.abc import Sequence

from mood_sweeps.api import plan
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.load import read_sweep
from mood_sweeps.launching.explain import find_cell
from mood_sweeps.planning.plan import Cell
from mood_sweeps.results.read_results import Results
from mood_sweeps.workspace import Workspace

__all__ = ["recorded_cell"]


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
            sweep = read_sweep(text, workspace.found(file), data_roots=data_roots)
            return find_cell(plan(sweep), words)
        except InputError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal
