"""Functions of the package: each opens what is needed, calls one thing and returns its answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.errors import DatabaseError, InputError
from mood_sweeps.experiment.load import load_sweep
from mood_sweeps.experiment.sweep import Sweep
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.plan import Plan
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.sqlite_address import sqlite_url
from mood_sweeps.workspace import Workspace

if TYPE_CHECKING:
    from mood_sweeps.launching.launch_result import LaunchResult
    from mood_sweeps.launching.progress import Reporter

__all__ = ["launch", "load_sweep", "open_results", "plan"]


def plan(sweep: Sweep | str | os.PathLike[str]) -> Plan:
    """Return the plan of a sweep (or of the sweep in a file): its cells and unique stages."""
    sweep = sweep if isinstance(sweep, Sweep) else load_sweep(sweep)
    return expand(sweep, sweep.image_sets or image_set)


def launch(
    what: Plan | Sweep | str | os.PathLike[str],
    *,
    home: Path | str | None = None,
    workspace: Workspace | None = None,
    reporter: Reporter | None = None,
    **options: Any,
) -> LaunchResult:
    """Run what is missing of a plan, sweep or experiment file; see `launching.launch.Options`.

    home: the workspace's folder (default ``.mood``). reporter: shows the run (default: nothing is
    shown). Returns what came of it: ``launched.frame()`` is the table. Raises InputError before
    anything is started.
    """
    # Imported here: planning, listing and reading results need none of the engine.
    from mood_sweeps.launching.launch import launch as run_plan
    from mood_sweeps.launching.launch_options import Options

    planned = what if isinstance(what, Plan) else plan(what)
    return run_plan(planned, workspace or Workspace.at(home), Options(**options), reporter)


def open_results(place: str | os.PathLike[str] | None = None) -> Results:
    """Open a results database for reading: by URL, by its file, or by workspace folder.

    place: default ``$MOOD_HOME`` or ``.mood``. Raises InputError if there is none.
    """
    text = os.fspath(place) if place is not None else None
    if text and Path(text).is_file():
        return results_of(Workspace.at(database=sqlite_url(Path(text).absolute())))
    is_url = text is not None and "://" in text and not Path(text).is_dir()
    return results_of(Workspace.at(database=text) if is_url else Workspace.at(text))


def results_of(workspace: Workspace) -> Results:
    """Return the results of a workspace; raise InputError if nothing was launched there."""
    database = workspace.open_database()
    if not database.exists():
        raise InputError(
            f"there are no results at {database.display_url!r} yet; mood-sweep launch makes them"
        )
    return Results(database)


def results_if_any(workspace: Workspace) -> Results | None:
    """Return the results of a workspace, or None if nothing was launched there."""
    try:
        return results_of(workspace)
    except DatabaseError:
        raise
    except InputError:
        return None
