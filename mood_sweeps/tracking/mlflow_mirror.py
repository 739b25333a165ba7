"""The one writer to MLflow: a background thread that empties the outbox.

No failure here affects the sweep: if a server is down, slow or refuses an item, the item stays
open and is tried again later, by this launch or the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.errors import CorruptObject, InputError
from mood_sweeps.internal_signals import LeaseLost
from mood_sweeps.redaction import Secrets
from mood_sweeps.results.database import Database
from mood_sweeps.results.mlflow_records import Records
from mood_sweeps.results.outbox import LAUNCH, Item, Outbox
from mood_sweeps.results.sqlite_address import sqlite_path
from mood_sweeps.store import Lease, Ref, Store
from mood_sweeps.tracking.backoff import Backoff, SweepSubject

if TYPE_CHECKING:
    from mood_sweeps.tracking.logged_models import Transfer
    from mood_sweeps.tracking.mlflow_view import View

__all__ = ["LEASE", "Mirror"]

LEASE = "mlflow-mirror"
POLL_S = 0.5
PAGE = 200
LAUNCH_ALONE_S = 30.0
"""How long a launch without results waits to be mirrored: importing MLflow takes seconds, in which
the workers should start."""

_log = logging.getLogger(__name__)


class Mirror:
    """Mirrors one results database into one MLflow store.

    tracking_uri: ``sqlite:///…`` (created if it does not exist) or a server's address.
    artifact_root: where a SQLite store keeps its artifacts; a server has its own setting.
    checkpoints: ``auto`` copies them up to 100 MB and links larger ones.

    Of several mirrors on one artifact store only the holder of the lease `LEASE` writes; the
    others wait until it is free; on the same database they then find their items done.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        tracking_uri: str,
        artifact_root: Path,
        checkpoints: Transfer = "auto",
    ) -> None:
        self._outbox = Outbox(database)
        self._records = Records(database)
        self._store = store
        self._tracking_uri = tracking_uri
        self._artifact_root = artifact_root
        self._checkpoints: Transfer = checkpoints
        self._secrets = Secrets(tracking_uri)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlflow-mirror", daemon=True)
        self._reports: dict[int, Path] = {}
        self._backoff = Backoff()
        self._view: View | None = None
        self._lease: Lease | None = None
        self._logged_kinds: set[str] = set()
        self._launch_alone_at = 0.0
        self.last_error: str | None = None

    def start(self) -> None:
        """Start the thread, which imports MLflow once there is something to mirror."""
        self._launch_alone_at = time.monotonic() + LAUNCH_ALONE_S
        self._thread.start()

    def attach_report(self, launch: int, folder: Path) -> None:
        """Mirror a launch's report folder together with its end."""
        self._reports[launch] = folder

    def pending(self) -> int:
        """Return how many items are open."""
        return self._outbox.count_open()

    def wait(self, timeout_s: float, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait until no item is open; return whether that happened.

        Returns False after ``timeout_s`` seconds, as soon as all open items have failed
        repeatedly, or when ``should_stop`` becomes true.
        """
        deadline = time.monotonic() + timeout_s
        self._launch_alone_at = 0.0
        self._wake.set()
        while (pending := self.pending()) > 0:
            if time.monotonic() >= deadline or not self._thread.is_alive():
                return False
            if should_stop() or self._backoff.is_hopeless(pending):
                return False
            time.sleep(0.05)
        return True

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop after the current item; do not wait for a call that hangs in MLflow."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        after = 0
        try:
            while not self._stop.is_set():
                try:
                    after = self._mirror_page(after)
                except Exception as error:
                    self._report(error)
                    after = 0
                    self._backoff.everything_failed()
                if after == 0:
                    self._wake.wait(POLL_S)
                    self._wake.clear()
        finally:
            if self._lease is not None:
                self._store.leases.release(self._lease)

    def _mirror_page(self, after: int) -> int:
        """Mirror one page of open items; return the last id of the page, 0 at the end."""
        if not self._backoff.may_try():
            return 0
        items = self._outbox.open_items(after, PAGE)
        if not items or (self._view is None and self._can_wait(items)):
            return 0
        view = self._leased_view()
        if view is None:
            return 0
        # One subject may have changed several times: mirror it once, with its current rows.
        subjects: dict[SweepSubject, list[int]] = {}
        for item in items:
            subjects.setdefault((item.sweep, item.subject), []).append(item.id)
        for subject, ids in subjects.items():
            if self._stop.is_set() or not self._backoff.may_try():
                return 0
            if self._backoff.may_try(subject):
                self._mirror(view, subject, ids)
        return items[-1].id

    def _can_wait(self, items: Sequence[Item]) -> bool:
        is_early = time.monotonic() < self._launch_alone_at
        return is_early and all(item.subject.kind == LAUNCH for item in items)

    def _mirror(self, view: View, subject: SweepSubject, ids: list[int]) -> None:
        if self._lease is not None:
            self._lease.check()
        try:
            self._show(view, subject)
        except Exception as error:
            self._backoff.subject_failed(subject, len(ids))
            view.forget()
            self._outbox.mark_failed(ids, self._report(error))
            return
        self._outbox.mark_done(ids)
        self._backoff.succeeded(subject)

    def _show(self, view: View, subject: SweepSubject) -> None:
        """Bring a subject up to date; quarantine objects that turn out to be corrupt.

        Perhaps nothing else reads them, such as a checkpoint with all its banks and scores.
        """
        quarantined: set[Ref] = set()
        while True:
            try:
                return view.show(*subject)
            except CorruptObject as error:
                if error.ref is None or error.ref in quarantined:
                    raise
                self._store.quarantine(error.ref)
                quarantined.add(error.ref)
                view.forget()

    def _leased_view(self) -> View | None:
        """Return the view, connected at first use; None while another mirror holds the lease."""
        if self._lease is None:
            self._lease = self._store.leases.acquire(LEASE)
        if self._lease is None:
            return None
        if self._view is None:
            self._view = self._connect()
        return self._view

    def _connect(self) -> View:
        # Late: importing MLflow takes seconds, and this thread runs beside the sweep's work.
        from mood_sweeps.tracking.logged_models import Checkpoints
        from mood_sweeps.tracking.mlflow_connection import connect
        from mood_sweeps.tracking.mlflow_runs import Runs
        from mood_sweeps.tracking.mlflow_view import View

        client = connect(self._tracking_uri, self._artifact_root)
        is_local = sqlite_path(self._tracking_uri) is not None
        return View(
            Runs(client, self._outbox, self._artifact_root if is_local else None),
            self._records,
            self._store,
            Checkpoints(client, self._store, self._checkpoints),
            self._reports.get,
            _fingerprint,
        )

    def _report(self, error: Exception) -> str:
        """Record an error without its secrets, and log the first of each kind."""
        if isinstance(error, LeaseLost) and self._lease is not None:
            self._store.leases.release(self._lease)
            self._lease = None
        self.last_error = " ".join(self._secrets.hidden(f"{type(error).__name__}: {error}").split())
        kind = f"{type(error).__name__} {getattr(error, 'error_code', '')}"
        if kind not in self._logged_kinds:
            self._logged_kinds.add(kind)
            _log.warning("MLflow could not be brought up to date: %s", self.last_error)
        return self.last_error


def _fingerprint(image_set_name: str) -> str:
    """Return an image set's digest, or ``unknown`` for a set that this version does not have."""
    try:
        return image_set(image_set_name).fingerprint
    except InputError:
        return "unknown"
