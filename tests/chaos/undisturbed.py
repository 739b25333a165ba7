"""What the chaos sweep comes to when nothing goes wrong: what every disturbed one must come to."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.launches import CHAOS, Forked, Heard, in_a_fork
from tests.support.workspace_contents import Facts

__all__ = ["INLINE", "LAUNCH", "Shown", "Undisturbed", "shown_in_mlflow"]

LAUNCH = ("launch", "chaos.yaml")
INLINE = ("--executor", "inline")


@dataclass(frozen=True)
class Shown:
    """What MLflow shows of everything but launches, each as often as it is there.

    All are by kind and subject of their run; files: names of the checkpoints' files.
    """

    runs: Counter[Any]
    params: Counter[Any]
    metrics: Counter[Any]
    model_metrics: Counter[Any]
    models: Counter[Any]
    linked: Counter[Any]
    files: Counter[Any]


class Undisturbed:
    """A launch that nothing disturbed, in a folder of its own.

    wall_s: how long it took. heard: how often each phase's sound was heard. mlflow: an MLflow
    database without anything in it, for launches that need not make one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = Facts(folder / ".mood")
        self.mlflow = folder / "empty.mlflow.db"
        folder.mkdir()
        self._make_mlflow()
        (folder / "chaos.yaml").write_text(CHAOS)
        began = time.monotonic()
        with Forked(folder, *LAUNCH, *INLINE) as driven:
            assert driven.wait() == 0, driven.output
            self.wall_s = time.monotonic() - began
            self.heard: Heard = driven.heard
        self.numbers = self.facts.numbers()
        self.confusions = self.facts.confusions()
        self.digests = self.facts.digests()
        self.lineage = self.facts.rows(LINEAGE)
        self.places = set(self.facts.manifests())
        self.shown = shown_in_mlflow(self.facts)

    def start(self, folder: Path, *, with_mlflow: bool) -> None:
        """Make a folder with the same sweep and nothing done yet."""
        (folder / ".mood").mkdir(parents=True)
        (folder / "chaos.yaml").write_text(CHAOS)
        if with_mlflow:
            shutil.copy(self.mlflow, folder / ".mood" / "mlflow.db")

    def _make_mlflow(self) -> None:
        def make() -> int:
            from mood_sweeps.tracking.mlflow_connection import make_store

            make_store(f"sqlite:///{self.mlflow}", self.folder)
            return 0

        assert in_a_fork(make, self.folder, self.folder / "log.mlflow").wait(120) == 0


LINEAGE = """
    select evaluation_key, object_key, input_digest, environment, reason from evaluations order by 1
"""
SUBJECTS = """
    (select k.run_uuid as run, k.value as kind, s.value as subject from tags k
     join tags s on s.run_uuid = k.run_uuid and s.key = 'mood.subject'
     where k.key = 'mood.kind' and k.value != 'launch') as about
"""


MEASURED = ("images_per_second", "peak_memory_mb", "training_seconds", "workers")
"""Metrics of a training that differ whenever it runs, and come again where it is made again."""


def shown_in_mlflow(facts: Facts) -> Shown:
    """Read MLflow's own tables."""

    def count(columns: str, table: str, run: str) -> Counter[Any]:
        query = f"select kind, subject, {columns} from {table} join {SUBJECTS} on run = {run}"
        return Counter(facts.rows(query, "mlflow.db"))

    return Shown(
        runs=count("status, lifecycle_stage", "runs", "run_uuid"),
        params=count("key, params.value", "params", "run_uuid"),
        metrics=_without_measured(count("key, step, metrics.value, is_nan", "metrics", "run_uuid")),
        model_metrics=count("metric_name, metric_value", "logged_model_metrics", "run_id"),
        models=count("status, name", "logged_models", "source_run_id"),
        linked=count("source_type", "inputs", "inputs.source_id")
        + count("destination_type", "inputs", "inputs.destination_id"),
        files=Counter(
            path.name for path in (facts.home / "mlartifacts").glob("*/models/*/artifacts/*")
        ),
    )


def _without_measured(metrics: Counter[Any]) -> Counter[Any]:
    """Return the metrics; of what was measured, that it is there."""
    kept: Counter[Any] = Counter()
    for (kind, subject, name, *values), n in metrics.items():
        if name.rpartition("/")[2] in MEASURED:
            kept[kind, subject, name] = 1
        else:
            kept[kind, subject, name, *values] = n
    return kept
