"""The MLflow runs: one per launch, below it representations, below these pairs and trials."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, Run

from mood_sweeps.metrics import METRICS
from mood_sweeps.results.mlflow_records import Number, PairRecord, Records, RepresentationRecord
from mood_sweeps.results.outbox import LAUNCH, PAIR, REPRESENTATION, RunKey, Subject
from mood_sweeps.store import Manifest, Store
from mood_sweeps.tracking.logged_models import Checkpoints
from mood_sweeps.tracking.mlflow_names import (
    launch_name,
    metric_safe,
    milliseconds,
    representation_name,
)
from mood_sweeps.tracking.mlflow_runs import Runs
from mood_sweeps.tracking.object_environments import ScoreObjects, environment_tags
from mood_sweeps.tracking.training_lineage import Point, training_stages
from mood_sweeps.tracking.trial_runs import show_trials

__all__ = ["View"]

STATUS = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "killed": "KILLED"}
PAIR_METRICS = tuple(
    name for name, metric in METRICS.items() if metric.title and metric.needs != "classes"
)
"""Metrics in the run of a pair; the others belong to the representation."""
ACCURACY = "id_accuracy"
MAX_DIGEST = 36


@dataclass
class _RepresentationRun:
    """A representation's run, cached by this process.

    is_external: whether its features are external.
    """

    run: Run
    is_external: bool
    model_id: str | None
    has_accuracy: bool


class View:
    """Brings the runs of one subject up to date; every step may be repeated.

    report_of: from a launch's id to the folder of its report, if it has one.
    fingerprint: from an image set's name to the digest of its content.
    """

    def __init__(
        self,
        runs: Runs,
        records: Records,
        store: Store,
        checkpoints: Checkpoints,
        report_of: Callable[[int], Path | None],
        fingerprint: Callable[[str], str],
    ) -> None:
        self._runs = runs
        self._records = records
        self._store = store
        self._score_objects = ScoreObjects(store)
        self._checkpoints = checkpoints
        self._report_of = report_of
        self._fingerprint = fingerprint
        self._launch_runs: dict[int, str] = {}
        self._representations: dict[RunKey, _RepresentationRun] = {}

    def show(self, sweep: str, subject: Subject) -> None:
        """Bring one subject of the outbox up to date; skip one that SQL no longer has."""
        if subject.kind == LAUNCH:
            (launch,) = subject.parts
            self._launch(sweep, int(launch))
        elif subject.kind == REPRESENTATION:
            self._representation(RunKey(sweep, *subject.parts))
        else:
            self._pair(RunKey(sweep, *subject.parts))

    def forget(self) -> None:
        """Look everything up again; to be called after any failure."""
        self._launch_runs.clear()
        self._representations.clear()
        self._runs.forget()

    def _launch(self, sweep: str, launch_id: int) -> str | None:
        launch = self._records.launch(launch_id)
        if launch is None:
            return None
        run_key = RunKey.of_launch(sweep, launch.id)
        # Numbers start again at 1 in a new database: the start time tells launches apart.
        subject = f"{launch.id}|{launch.started_at}|{launch.host}|{launch.pid}"
        run = self._runs.find(LAUNCH, subject, run_key)
        if run is None:
            started_ms = milliseconds(launch.started_at)
            run = self._runs.make(
                LAUNCH, subject, run_key, launch_name(launch), {}, started_ms, None
            )
        run_id = str(run.info.run_id)
        self._launch_runs[launch.id] = run_id
        params = {
            "executor": launch.executor,
            "host": launch.host,
            "cells": str(launch.n_cells),
            "calls_planned": str(launch.calls_planned),
        }
        tags = {"mood.sweep": launch.sweep, "mood.outcome": launch.outcome or "running"}
        self._runs.fill(run, params, [], tags)
        self._add_files(run_id, {"sweep.yaml": launch.yaml, "plan.txt": launch.plan})
        if launch.outcome is not None:
            report = self._report_of(launch.id)
            if report is not None and report.is_dir():
                self._runs.client.log_artifacts(run_id, str(report), "report")
            ended_ms = milliseconds(launch.ended_at or launch.started_at)
            self._runs.close(run, STATUS.get(launch.outcome, "FAILED"), ended_ms)
        return run_id

    def _representation(self, run_key: RunKey) -> _RepresentationRun | None:
        key, id_set = run_key.representation_key, run_key.id_set
        record = self._records.representation(run_key.sweep, key, id_set)
        if record is None:
            return None
        stages = training_stages(self._store, key)
        newest = stages[-1].manifest if stages and stages[-1].manifest.key == key else None
        made_ms = _creation_ms(record, newest)
        subject = f"{key}|{id_set}"
        run = self._runs.find(REPRESENTATION, subject, run_key)
        if run is None:
            start_ms = made_ms - int(newest.seconds * 1000) if newest else made_ms
            name = representation_name(record)
            parent = self._parent(run_key.sweep)
            run = self._runs.make(REPRESENTATION, subject, run_key, name, {}, start_ms, parent)
        # Use the run's start, not the object's: an object that was lost and made again must not add
        # its curves a second time.
        start_ms = int(run.info.start_time)
        params = _axes(record)
        points = []
        for stage in stages:
            params |= stage.parameters()
            points += stage.points(start_ms)
        tags = {"mood.representation_key": key, "mood.checkpoint": "not in the store any more"}
        if newest is not None:
            tags |= self._checkpoints.tags(newest)
            if newest.doubts:
                tags["mood.doubts"] = "; ".join(newest.doubts)
        if record.id_accuracy is not None:
            points.append(_accuracy(record.id_accuracy, start_ms))
            tags["mood.id_accuracy_from"] = record.id_accuracy_from or ""
        self._runs.fill(run, params, points, tags)
        show_trials(self._runs, stages, run_key, run)
        model_id = None
        if newest is not None and newest.files:  # headless external features have no files
            model_id = self._checkpoints.show(run, record, newest)
        self._runs.close(run, "FINISHED", made_ms)
        is_external = newest.kind == "given" if newest is not None else record.seed is None
        state = _RepresentationRun(run, is_external, model_id, record.id_accuracy is not None)
        self._representations[run_key] = state
        return state

    def _pair(self, run_key: RunKey) -> None:
        key, id_set, ood_set = run_key.representation_key, run_key.id_set, run_key.ood_set
        pair = self._records.pair(run_key.sweep, key, id_set, ood_set)
        if pair is None:
            return
        parent = self._parent_of_pair(RunKey(run_key.sweep, key, id_set))
        if parent is None:
            return
        subject = f"{key}|{id_set}|{ood_set}"
        run = self._runs.find(PAIR, subject, run_key)
        end_ms = max(milliseconds(number.created_at) for number in pair.numbers)
        seconds = sum(number.seconds for number in pair.numbers)
        objects = self._score_objects.manifests(number.object_key for number in pair.numbers)
        tags = _pair_tags(pair) | environment_tags(objects)
        if run is None:
            name = f"{ood_set} ({pair.distance})"
            start_ms = end_ms - int(seconds * 1000)
            parent_id = parent.run.info.run_id
            run = self._runs.make(PAIR, subject, run_key, name, tags, start_ms, parent_id)
        params = {
            "id_set": id_set,
            "ood_set": ood_set,
            "distance": pair.distance,
            "n_id": str(pair.n_id),
            "n_ood": str(pair.n_ood),
        }
        digests = self._digests(run_key, pair, parent)
        points = [
            point
            for number in pair.numbers
            for point in _points(number, parent.model_id, (ood_set, digests[1]))
            # A point in the run may be missing in the model: MLflow writes one after the other, and
            # may have been stopped in between.
            if point.model_id or run.data.metrics.get(point.name) != point.value
        ]
        self._add_inputs(run, run_key, digests, parent.model_id)
        self._runs.fill(run, params, points, tags)
        self._runs.close(run, "FINISHED", end_ms)

    def _parent(self, sweep: str) -> str | None:
        newest = self._records.newest_launch(sweep)
        if newest is None:
            return None
        return self._launch_runs.get(newest) or self._launch(sweep, newest)

    def _parent_of_pair(self, run_key: RunKey) -> _RepresentationRun | None:
        state = self._representations.get(run_key)
        if state is None:
            return self._representation(run_key)
        if not state.has_accuracy:
            # The checkpoint is shown before anything is evaluated; its accuracy follows here.
            record = self._records.representation(
                run_key.sweep, run_key.representation_key, run_key.id_set
            )
            if record is not None and record.id_accuracy is not None:
                tags = {"mood.id_accuracy_from": record.id_accuracy_from or ""}
                accuracy = _accuracy(record.id_accuracy, int(state.run.info.start_time))
                self._runs.fill(state.run, {}, [accuracy], tags)
                state.has_accuracy = True
        return state

    def _add_inputs(
        self, run: Run, run_key: RunKey, digests: tuple[str, str], model_id: str | None
    ) -> None:
        inputs = run.inputs
        if inputs is not None and inputs.dataset_inputs:
            return
        datasets = [
            DatasetInput(
                Dataset(name, digest, "mood-sweeps", name),
                [InputTag("mlflow.data.context", context)],
            )
            for name, digest, context in zip(
                (run_key.id_set, run_key.ood_set), digests, ("id", "ood"), strict=True
            )
        ]
        models = [LoggedModelInput(model_id)] if model_id else None
        self._runs.client.log_inputs(run.info.run_id, datasets=datasets, models=models)

    def _digests(
        self, run_key: RunKey, pair: PairRecord, parent: _RepresentationRun
    ) -> tuple[str, str]:
        """Return what tells the ID and the OOD set from others of their names.

        Sets that the user brought are state by what was made of their bytes only.
        """
        if parent.is_external:
            digests = (run_key.representation_key, pair.numbers[0].input_digest)
        else:
            digests = (self._fingerprint(run_key.id_set), self._fingerprint(run_key.ood_set))
        return digests[0][:MAX_DIGEST], digests[1][:MAX_DIGEST]

    def _add_files(self, run_id: str, texts: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="mood-sweeps-") as folder:
            for name, text in texts.items():
                Path(folder, name).write_text(text)
            self._runs.client.log_artifacts(run_id, folder)


def _creation_ms(record: RepresentationRecord, manifest: Manifest | None) -> int:
    """Return when a representation was made or, if its checkpoint is gone, evaluated."""
    if manifest is not None:
        return milliseconds(manifest.created_at)
    return milliseconds(record.evaluated_at) if record.evaluated_at else int(time.time() * 1000)


def _axes(record: RepresentationRecord) -> dict[str, str]:
    axes = {
        "pretext": record.pretext,
        "backbone": record.backbone,
        "finetune": record.finetune,
        "id_set": record.id_set,
    }
    return axes if record.seed is None else {**axes, "seed": str(record.seed)}


def _accuracy(value: float, time_ms: int) -> Point:
    return Point(ACCURACY, 0, value, time_ms)


def _points(number: Number, model_id: str | None, dataset: tuple[str, str]) -> list[Point]:
    """Return a scorer's metrics; its AUROC also as the model's, which ranks checkpoints."""
    scorer = metric_safe(number.scorer)
    time_ms = milliseconds(number.created_at)
    points = []
    for name in PAIR_METRICS:
        value = number.metrics[name]
        if value is not None:
            link = (model_id, dataset) if name == "auroc" and model_id else ()
            points.append(Point(f"{name}.{scorer}", 0, value, time_ms, *link))
    return points


def _pair_tags(pair: PairRecord) -> dict[str, str]:
    tags = {"mood.distance": pair.distance}
    for number in pair.numbers:
        scorer = metric_safe(number.scorer)
        if scorer != number.scorer:
            tags[f"mood.scorer.{scorer}"] = number.scorer
        if number.reason:
            tags[f"mood.reason.{scorer}"] = number.reason
    return tags
