"""MLflow beside a launch: mirrored while it runs, and awaited for a bounded time at its end."""

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
from mood_sweeps.tracking.moved_workspace import follow_artifacts
from mood_sweeps.workspace import Workspace

__all__ = ["follow_move", "mirrored"]


@contextmanager
def mirrored(
    launched: LaunchResult, options: Options, stop: Stop, database: Database, store: Store
) -> Iterator[Mirror | None]:
    """Mirror into MLflow inside the block, and wait a bounded time at its end.

    launched: told what MLflow has yet to be shown. Yields None where nothing is to be mirrored.
    """
    if not options.mlflow:
        yield None
        return
    workspace = launched.workspace
    mirror = Mirror(database, store, workspace.mlflow, workspace.mlflow_artifacts)
    mirror.start()
    try:
        yield mirror
    finally:
        if not stop.now:
            # The numbers are safe: a request to stop now, or a second one, ends the wait.
            asked = stop.requests
            mirror.wait(options.mlflow_wait_s, lambda: stop.requests > asked)
        launched.unmirrored = mirror.pending()
        mirror.close()


def follow_move(workspace: Workspace) -> list[str]:
    """Have MLflow find its artifacts in a workspace that was moved; return what keeps it from that.

    For a launch that mirrors nothing: a mirror sees to it by itself.
    """
    file = sqlite_path(workspace.mlflow)
    try:
        if file is not None:
            follow_artifacts(file, workspace.mlflow_artifacts)
    except StoreError as error:
        return [str(error)]
    return []
