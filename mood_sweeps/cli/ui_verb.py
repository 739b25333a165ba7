"""mood-sweep ui: MLflow's own UI on this workspace's store."""

from __future__ import annotations

import click

from mood_sweeps.cli.options import workspace
from mood_sweeps.tracking.mlflow_ui import serve
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("ui")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
@workspace
def command(host: str, port: int, workspace: Workspace) -> None:
    """Serve the MLflow UI until Ctrl-C."""
    serve(workspace.mlflow, workspace.mlflow_artifacts, host, port)
