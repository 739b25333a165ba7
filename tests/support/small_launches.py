"""A sweep small enough to run inside a test: two checkpoints, real digits, seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mood_sweeps.data.catalogue import image_set
from mood_sweeps.experiment import load_sweep
from mood_sweeps.launching.launch import launch
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.launch_result import LaunchResult
from mood_sweeps.launching.progress import Reporter
from mood_sweeps.planning.grid import expand
from mood_sweeps.planning.plan import Plan
from mood_sweeps.store import Store
from mood_sweeps.workspace import Workspace

TINY = """\
name: tiny
corpus: digits:0-5
axes:
  pretext: [{classification: {epochs: 1, batch_size: 256}}, random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt]
  scorer: [msp, knn]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""

OPTIONS = Options(executor="inline", mlflow=False)


@dataclass(frozen=True)
class Tried:
    """What came of a launch, and the folder it was in."""

    launched: LaunchResult
    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what a person's pandas would read, in the order of cells."""
        return self.query("select * from results order by cell_key")

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        # Closed at once: a connection that is collected later would change files under a copy.
        with closing(sqlite3.connect(self.folder / "results.db")) as connection:
            return connection.execute(statement).fetchall()

    def database_dump(self) -> list[str]:
        with closing(sqlite3.connect(self.folder / "results.db")) as connection:
            return list(connection.iterdump())


def plan_in(text: str, folder: Path, overrides: Sequence[str] = ()) -> Plan:
    file = folder / "sweep.yaml"
    file.write_text(text)
    return expand(load_sweep(file, overrides), image_set)


def try_launch(
    text: str,
    folder: Path,
    overrides: Sequence[str] = (),
    reporter: Reporter | None = None,
    options: Options = OPTIONS,
) -> Tried:
    """Launch a sweep with everything in ``folder``."""
    plan = plan_in(text, folder, overrides)
    return Tried(launch(plan, Workspace.at(folder), options, reporter), folder)
