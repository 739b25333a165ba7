"""Run MLflow's own UI on the workspace's store until the user ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mood_sweeps.errors import InputError, StoreError
from mood_sweeps.redaction import Secrets
from mood_sweeps.results.sqlite_address import absolute_url, sqlite_path
from mood_sweeps.tracking.moved_workspace import update_artifact_addresses
from mood_sweeps.tracking.tracking_uri import without_stray_folder

__all__ = ["serve"]

END_TIMEOUT_S = 10.0
SHOWN_LINES = 8
SHOWN_SWEEPS = 5
_FOR_TRAINING = "workflowType=machine_learning"
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def serve(
    tracking_uri: str,
    artifact_root: Path,
    host: str = "127.0.0.1",
    port: int = 5000,
    say: Callable[[str], None] = print,
) -> None:
    """Run MLflow's server until Ctrl-C or SIGTERM, and leave no process behind.

    tracking_uri: of a store (SQLite is created if it does not exist yet) or of a server, for which
    only its address is printed. say: prints a line: that the server starts, then its addresses once
    pages can be opened. To be called from the main thread. Raises InputError if the port is taken,
    the store cannot be used or the server does not come up.
    """
    secrets = Secrets(tracking_uri)
    if tracking_uri.startswith(("http://", "https://")):
        say(f"MLflow is at {secrets.hidden(tracking_uri)}")
        return
    _require_free(host, port)
    say("starting MLflow, which takes some seconds")
    uri = absolute_url(tracking_uri)
    path = sqlite_path(uri)
    if path is not None and path.exists():
        try:
            update_artifact_addresses(path, artifact_root)
        except StoreError as error:
            raise InputError(str(error)) from None
    elif path is not None:
        # Imports MLflow, which takes seconds: only for a store that does not exist yet.
        from mood_sweeps.tracking.mlflow_connection import make_store

        make_store(uri, artifact_root)
    # The server's log has a line per request; it is shown only if the server fails.
    with tempfile.TemporaryFile() as log, without_stray_folder(uri), _ended_by_signals() as ended:
        server = _start(uri, artifact_root, host, port, log)
        try:
            address = f"http://{_reachable(host)}:{port}"
            while not ended.is_set() and not _answers(address):
                _require_running(server, log, secrets)
                ended.wait(0.2)
            if not ended.is_set():
                say(f"MLflow is at {address} (Ctrl-C ends it)")
                for sweep, link in _sweeps(address):
                    say(f"  {sweep}: {link}")
            while not ended.wait(0.2):
                _require_running(server, log, secrets)
        finally:
            _end(server)


def _start(
    tracking_uri: str, artifact_root: Path, host: str, port: int, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        # Not as arguments, which every user of the machine can list.
        "MLFLOW_BACKEND_STORE_URI": tracking_uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifact_root.absolute().as_uri(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Jobs evaluate language models and would start several more processes.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    options = ["--host", host, "--port", str(port), "--workers", "1"]
    quiet = ["--uvicorn-opts", "--log-level warning"]
    return subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *options, *quiet],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # Its own process group: Ctrl-C reaches only this process, which ends the whole group.
        start_new_session=True,
    )


def _sweeps(address: str) -> list[tuple[str, str]]:
    """Return the names of the newest experiments and links to their runs.

    Each gets a link, because MLflow's front page opens its pages for language models, where runs
    are hard to find.
    """
    with _DIRECTLY.open(
        f"{address}/api/2.0/mlflow/experiments/search?max_results={SHOWN_SWEEPS + 1}", timeout=30
    ) as answer:
        experiments = json.load(answer).get("experiments", [])
    return [
        (found["name"], f"{address}/#/experiments/{found['experiment_id']}/runs?{_FOR_TRAINING}")
        for found in experiments
        if found["experiment_id"] != "0"
    ][:SHOWN_SWEEPS]


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and its child processes: SIGTERM first, SIGKILL after a timeout."""
    deadline = time.monotonic() + END_TIMEOUT_S
    _signal_group(server, signal.SIGTERM)
    while time.monotonic() < deadline and (server.poll() is None or _group_lives(server)):
        time.sleep(0.05)
    _signal_group(server, signal.SIGKILL)
    server.wait()


def _group_lives(server: subprocess.Popen[bytes]) -> bool:
    return _signal_group(server, 0)


def _signal_group(server: subprocess.Popen[bytes], number: int) -> bool:
    try:
        os.killpg(server.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, instead of interrupting this process."""
    ended = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in numbers}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise InputError(
                f"cannot listen on {host}:{port}: {error}; give another port"
            ) from None


def _require_running(server: subprocess.Popen[bytes], log: IO[bytes], secrets: Secrets) -> None:
    if server.poll() is None:
        return
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()[-SHOWN_LINES:]
    shown_log = "\n".join(f"  {secrets.hidden(line)}" for line in lines)
    raise InputError(f"MLflow's server ended by itself (code {server.returncode}):\n{shown_log}")


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _answers(address: str) -> bool:
    try:
        with _DIRECTLY.open(f"{address}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
