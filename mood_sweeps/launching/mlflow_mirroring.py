"""Mirror a launch into MLflow while it runs, and wait a bounded time at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mood_sweeps.engine.stop import Stop
from mood_sweeps.errors import StoreError
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.launch_result import LaunchResult
from mood_sweeps.results.database import Database
from mood_sweeps.results.sqlite_address import sqlite_path
from mood_sweeps.store import Store
from mood_sweeps.tracking.mlflow_mirror import Mirror
from mood_sweeps.tracking.moved_workspace import update_artifact_addresses
from mood_sweeps.workspace import Workspace

__all__ = ["mirror_launch", "update_moved_artifacts"]


@contextmanager
def mirror_launch(
    result: LaunchResult, options: Options, stop: Stop, database: Database, store: Store
) -> Iterator[Mirror | None]:
    """Mirror into MLflow inside the block, and wait a bounded time at its end.

    result: gets the number of items that are not in MLflow yet. Yields None if mirroring is off.
    """
    if not options.mlflow:
        yield None
        return
    workspace = result.workspace
    mirror = Mirror(database, store, workspace.mlflow, workspace.mlflow_artifacts)
    mirror.start()
    try:
        yield mirror
    finally:
        if not stop.now:
            # The numbers are in the database already, so another request to stop ends the wait.
            before = stop.requests
            mirror.wait(options.mlflow_wait_s, lambda: stop.requests > before)
        result.unmirrored = mirror.pending()
        mirror.close()


def update_moved_artifacts(workspace: Workspace) -> list[str]:
    """Correct MLflow's artifact addresses in a moved workspace; return an error line if that fails.

    For a launch that mirrors nothing: a mirror does this itself.
    """
    file = sqlite_path(workspace.mlflow)
    try:
        if file is not None:
            update_artifact_addresses(file, workspace.mlflow_artifacts)
    except StoreError as error:
        return [str(error)]
    return []
