"""Opening MLflow quietly: an explicit client on an absolute URI, a store made whole or not at all.

Importing this module imports MLflow (about five seconds): do so only where it is used.
"""

from __future__ import annotations

import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mood_sweeps.results.sqlite_address import absolute_url, sqlite_path, sqlite_url
from mood_sweeps.tracking.moved_workspace import update_artifact_addresses
from mood_sweeps.tracking.tracking_uri import no_folder_left


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """MLflow decides while it is imported whether to report its use over the network."""
    name = "MLFLOW_DISABLE_TELEMETRY"
    before = os.environ.get(name)
    os.environ.setdefault(name, "true")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


with _without_telemetry():
    from mlflow import MlflowClient
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.utils.logging_utils import should_suppress_logs_in_thread

__all__ = ["connect", "make_store"]


def connect(tracking_uri: str, artifact_root: Path) -> MlflowClient:
    """Return a client for this thread, making a SQLite store if it does not exist.

    One that was moved or copied is told where its artifacts are by now.
    """
    uri = absolute_url(tracking_uri)
    make_store(uri, artifact_root)
    path = sqlite_path(uri)
    if path is None:
        return MlflowClient(tracking_uri=uri)
    update_artifact_addresses(path, artifact_root)
    with no_folder_left(uri):
        client = MlflowClient(tracking_uri=uri)
        _flush_less(client)
    return client


def _flush_less(client: MlflowClient) -> None:
    """Let SQLite flush to disk at checkpoints only, which in WAL mode cannot corrupt.

    A power cut may lose the last commits, and the outbox knows what they were. MLflow nests its
    sessions, so several pooled connections are in use, and each has to be told.
    """
    engine = client._tracking_client.store.engine
    # MLflow lets its user choose a pool that keeps no connections; then nothing can be told.
    kept = engine.pool.size() if hasattr(engine.pool, "size") else 0
    with ExitStack() as pool:
        for _ in range(kept):
            connection = pool.enter_context(engine.connect())
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")


def make_store(tracking_uri: str, artifact_root: Path) -> None:
    """Make a SQLite store if there is none yet; any other kind is left to its server.

    Two processes that let MLflow create one file both fail and leave it half migrated, as does
    a process that dies meanwhile. So the file is made aside and linked into place when whole;
    of two processes the slower one uses the other's.

    MLflow's log lines (migrations, warnings) from this thread are switched off, from here on:
    what matters of them comes back as exceptions.
    """
    should_suppress_logs_in_thread.set(True)
    path = sqlite_path(tracking_uri)
    if path is None or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        uri = sqlite_url(aside)
        with no_folder_left(uri):
            engine = SqlAlchemyStore._get_or_create_engine(uri)
            with engine.connect() as connection:
                # Hundreds of migrations, each flushed to disk, would take most of the time.
                connection.exec_driver_sql("PRAGMA synchronous=OFF")
            SqlAlchemyStore(uri, artifact_root.absolute().as_uri())
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        return
    finally:
        for left_over in path.parent.glob(f"{glob.escape(aside.name)}*"):
            left_over.unlink()
