"""Open MLflow quietly: an explicit client on an absolute URI, on a completely created store.

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
from mood_sweeps.tracking.tracking_uri import without_stray_folder


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Switch telemetry off while MLflow is imported, which is when it decides about it."""
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
    """Return a client for this thread; create a SQLite store if it does not exist.

    In a store that was moved or copied, the addresses of artifacts are corrected.
    """
    uri = absolute_url(tracking_uri)
    make_store(uri, artifact_root)
    path = sqlite_path(uri)
    if path is None:
        return MlflowClient(tracking_uri=uri)
    update_artifact_addresses(path, artifact_root)
    with without_stray_folder(uri):
        client = MlflowClient(tracking_uri=uri)
        _flush_less(client)
    return client


def _flush_less(client: MlflowClient) -> None:
    """Let SQLite flush to disk at checkpoints only, which in WAL mode cannot corrupt.

    A power cut may lose the last commits, which the outbox still holds. MLflow nests its sessions,
    so it uses several pooled connections, and each needs the setting.
    """
    engine = client._tracking_client.store.engine
    # A user may configure MLflow with a pool that keeps no connections; then none can be set.
    n_pooled = engine.pool.size() if hasattr(engine.pool, "size") else 0
    with ExitStack() as pool:
        for _ in range(n_pooled):
            connection = pool.enter_context(engine.connect())
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")


def make_store(tracking_uri: str, artifact_root: Path) -> None:
    """Create a SQLite store if there is none yet; a server creates other stores itself.

    Two processes that let MLflow create one file both fail and leave it half migrated, as does
    a process that dies meanwhile. So a temporary file is created and then linked into place; of
    two processes the slower one uses the file of the other.

    From here on, MLflow's log lines (migrations, warnings) of this thread are switched off: errors
    still raise exceptions.
    """
    should_suppress_logs_in_thread.set(True)
    path = sqlite_path(tracking_uri)
    if path is None or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        uri = sqlite_url(temporary)
        with without_stray_folder(uri):
            engine = SqlAlchemyStore._get_or_create_engine(uri)
            with engine.connect() as connection:
                # Flushing each of hundreds of migrations to disk would take most of the time.
                connection.exec_driver_sql("PRAGMA synchronous=OFF")
            SqlAlchemyStore(uri, artifact_root.absolute().as_uri())
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        for left_over in path.parent.glob(f"{glob.escape(temporary.name)}*"):
            left_over.unlink()
