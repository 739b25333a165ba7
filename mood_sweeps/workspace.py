"""Where a sweep's things lie: store, results database and MLflow, by default all in ``./.mood``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.errors import DatabaseError, InputError, Problem
from mood_sweeps.results.database import Database
from mood_sweeps.results.sqlite_address import sqlite_path, sqlite_url
from mood_sweeps.store import Store

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """The three places, as absolute paths and URLs.

    store: folder of artifacts. database: SQLAlchemy URL of the results. mlflow: tracking URI;
    mlflow_artifacts: folder for the artifacts of an MLflow store in a file: in ``home`` if the file
    is, else beside the file, to which it belongs whichever workspaces share it.
    """

    home: Path
    store: Path
    database: str
    mlflow: str
    mlflow_artifacts: Path

    @classmethod
    def at(
        cls,
        home: Path | str | None = None,
        *,
        store: Path | str | None = None,
        database: str | None = None,
        mlflow: str | None = None,
    ) -> Workspace:
        """Return the workspace at ``home`` (default ``$MOOD_HOME`` or ``./.mood``).

        Each place can be given by itself, or by ``$MOOD_STORE``, ``$MOOD_DATABASE`` and
        ``$MOOD_MLFLOW``. Nothing is created.
        """
        base = Path(home or os.environ.get("MOOD_HOME") or ".mood").absolute()
        chosen_store = str(store or os.environ.get("MOOD_STORE") or base / "store")
        if "://" in chosen_store:
            raise InputError(
                f"store {chosen_store!r} is a URL; a store is a folder on a disk that all "
                "workers share"
            )
        chosen_mlflow = mlflow or os.environ.get("MOOD_MLFLOW") or sqlite_url(base / "mlflow.db")
        file = sqlite_path(chosen_mlflow)
        beside = base if file is None or file.is_relative_to(base) else file.parent
        return cls(
            home=base,
            store=Path(chosen_store).absolute(),
            database=database or os.environ.get("MOOD_DATABASE") or sqlite_url(base / "results.db"),
            mlflow=chosen_mlflow,
            mlflow_artifacts=beside / "mlartifacts",
        )

    @property
    def logs(self) -> Path:
        """The folder of all log files."""
        return self.home / "logs"

    def logs_of(self, launch: int) -> Path:
        """Return the folder of the log files of a launch."""
        return self.logs / str(launch)

    def open_store(self) -> Store:
        """Return the store; nothing is created until it is prepared."""
        return Store(self.store)

    def open_database(self) -> Database:
        """Return the results database; raise DatabaseError if the URL cannot be one."""
        return Database(self.database)

    def recorded(self, file: Path) -> str:
        """Return how the records name a file of the user's; `found` is the way back.

        A file beside ``home``, or in a folder beside it, is named from there: a project that is
        moved with its workspace finds its own files again, and not those it was copied from.
        """
        database = sqlite_path(self.database)
        moves_along = database is not None and database.is_relative_to(self.home)
        if moves_along and file.is_relative_to(self.home.parent):
            return os.path.relpath(file, self.home)
        return str(file)

    def found(self, recorded: str) -> Path:
        """Return the file that the records name so."""
        return Path(os.path.normpath(self.home / recorded))

    def problems(self) -> list[Problem]:
        """Return what keeps a launch from writing here, without creating anything."""
        found = []
        unwritable = _unwritable(self.store)
        if self.store.exists() and not self.store.is_dir():
            unwritable = "it is not a folder"
        if unwritable:
            found.append(Problem(f"the store {self.store} cannot be written: {unwritable}"))
        try:
            database = self.open_database()
            if database.path is not None and (unwritable := _unwritable(database.path)):
                found.append(Problem(f"database {database.display_url!r}: {unwritable}"))
            else:
                database.exists()
            database.close()
        except DatabaseError as error:
            found.append(Problem(str(error)))
        return found


def _unwritable(path: Path) -> str | None:
    """Return why ``path`` cannot be written or made, or None."""
    place = path
    while not place.exists() and not place.is_symlink():
        place = place.parent
    if place != path and not place.is_dir():
        return f"{place} is not a folder"
    if not os.access(place, os.W_OK | (os.X_OK if place.is_dir() else 0)):
        return f"no permission to write {place}"
    return None
