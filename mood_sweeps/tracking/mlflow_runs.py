"""Find, create, fill and close MLflow runs; every step may be repeated."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException

from mood_sweeps.errors import MoodSweepsError
from mood_sweeps.results.outbox import Outbox, RunKey
from mood_sweeps.tracking.mlflow_names import shortened
from mood_sweeps.tracking.training_lineage import Point

__all__ = ["KIND_TAG", "SUBJECT_TAG", "Runs", "is_missing"]

KIND_TAG = "mood.kind"
SUBJECT_TAG = "mood.subject"
_METRICS_PER_CALL = 800
_PER_CALL = 100
_PER_PAGE = 1000
_MAX_TAG = 8000
_EXPERIMENT_TAGS = {
    # Otherwise the UI opens its pages for language models.
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": (
        "A sweep: a run per launch, under it one per representation (curves, checkpoint), under "
        "that one per ID/OOD pair (metrics by scorer)."
    ),
}

Entity = TypeVar("Entity")


def is_missing(error: MlflowException) -> bool:
    """Whether an MLflow error says that an entity does not exist."""
    return bool(error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"))


class Runs:
    """The runs of one MLflow store, with the ids that the results database holds.

    For one thread; it caches what it has read until `forget` is called.
    """

    def __init__(self, client: MlflowClient, outbox: Outbox, artifact_root: Path | None) -> None:
        self.client = client
        self._outbox = outbox
        self._artifact_root = artifact_root
        self._experiments: dict[str, str] = {}
        self._by_subject: dict[tuple[str, str], dict[str, str]] = {}
        self._new_experiments: set[str] = set()

    def forget(self) -> None:
        """Look everything up again; to be called after any failure."""
        self._experiments.clear()
        self._by_subject.clear()
        self._new_experiments.clear()

    def experiment(self, sweep: str) -> str:
        """Return the id of the sweep's experiment; create it if there is none."""
        if sweep not in self._experiments:
            found = self.client.get_experiment_by_name(sweep)
            if found is None:
                self._experiments[sweep] = self._make_experiment(sweep)
            elif found.lifecycle_stage != "active":
                raise MoodSweepsError(
                    f"the MLflow experiment {sweep!r} was deleted; restore it in MLflow, or empty "
                    "its trash (mlflow gc)"
                )
            else:
                self._experiments[sweep] = found.experiment_id
        return self._experiments[sweep]

    def find(self, kind: str, subject: str, run_key: RunKey) -> Run | None:
        """Return the run that shows a subject, whether its id is in SQL or only in MLflow.

        It is only in MLflow if a crash came between creating the run and recording its id, or if
        the results database is new.
        """
        remembered = self._outbox.run_id(run_key)
        run = self._get(remembered) if remembered else None
        if run is None:
            found = self._run_ids(run_key.sweep, kind).get(subject)
            run = self._get(found) if found and found != remembered else None
            if run is not None:
                self._outbox.remember_run(run_key, run.info.run_id)
        return run

    def make(
        self,
        kind: str,
        subject: str,
        run_key: RunKey,
        name: str,
        tags: Mapping[str, str],
        start_ms: int,
        parent: str | None,
    ) -> Run:
        """Create the run of a subject that has none, nested under ``parent``."""
        nested = {"mlflow.parentRunId": parent} if parent else {}
        run = self.client.create_run(
            self.experiment(run_key.sweep),
            start_time=start_ms,
            run_name=name,
            tags=_shortened_tags({KIND_TAG: kind, SUBJECT_TAG: subject, **nested, **tags}),
        )
        self._run_ids(run_key.sweep, kind)[subject] = run.info.run_id
        self._outbox.remember_run(run_key, run.info.run_id)
        return run

    def fill(
        self,
        run: Run,
        params: Mapping[str, str],
        points: Iterable[Point],
        tags: Mapping[str, str],
    ) -> None:
        """Log what the run does not have yet, in as few calls as MLflow's limits allow.

        An existing parameter stays as it is: MLflow never lets one change. MLflow keeps equal
        points only once; a number that was lost and made again is newer, so it gets the time of the
        point that the run already has.
        """
        new_params = [Param(k, v) for k, v in params.items() if k not in run.data.params]
        new_tags = [
            RunTag(k, v) for k, v in _shortened_tags(tags).items() if run.data.tags.get(k) != v
        ]
        known = {metric.key: metric for metric in run.data._metric_objs}
        metrics = [_metric(point, known.get(point.name)) for point in points]
        for batch in itertools.zip_longest(
            _chunks(metrics, _METRICS_PER_CALL),
            _chunks(new_params, _PER_CALL),
            _chunks(new_tags, _PER_CALL),
        ):
            batch_metrics, batch_params, batch_tags = (part or [] for part in batch)
            self.client.log_batch(
                run.info.run_id, batch_metrics, batch_params, batch_tags, synchronous=True
            )

    def close(self, run: Run, status: str, end_ms: int) -> None:
        """End a run."""
        if run.info.status == status and run.info.end_time == end_ms:
            return
        # Not client.set_terminated: with a server it prints two lines to standard output.
        self.client._tracking_client.store.update_run_info(
            run.info.run_id, RunStatus.from_string(status), end_ms, None
        )

    def _make_experiment(self, sweep: str) -> str:
        root = self._artifact_root
        location = None if root is None else (root.absolute() / sweep).as_uri()
        try:
            made: str = self.client.create_experiment(sweep, location, _EXPERIMENT_TAGS)
        except MlflowException as error:
            found = self.client.get_experiment_by_name(sweep)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
                raise
            return str(found.experiment_id)
        self._new_experiments.add(sweep)
        return made

    def _get(self, run_id: str) -> Run | None:
        try:
            run = self.client.get_run(run_id)
        except MlflowException as error:
            if is_missing(error):
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def _run_ids(self, sweep: str, kind: str) -> dict[str, str]:
        """Return subject → run id of an experiment's runs, read once.

        A search for each of hundreds of runs would take longer than one for all.
        """
        experiment = self.experiment(sweep)
        if (sweep, kind) not in self._by_subject:
            index: dict[str, str] = {}
            if sweep not in self._new_experiments:
                for run in self._search(experiment, f"tags.`{KIND_TAG}` = '{kind}'"):
                    # The oldest, should there be two.
                    index[run.data.tags.get(SUBJECT_TAG, "")] = run.info.run_id
            self._by_subject[sweep, kind] = index
        return self._by_subject[sweep, kind]

    def _search(self, experiment: str, condition: str) -> Iterator[Run]:
        token = None
        while True:
            page = self.client.search_runs(
                [experiment],
                condition,
                max_results=_PER_PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return


def _shortened_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: shortened(value, _MAX_TAG) for name, value in tags.items()}


def _metric(point: Point, known: Metric | None) -> Metric:
    name, digest = point.dataset
    time_ms = point.time_ms
    if known is not None and (known.step, known.value) == (point.step, point.value):
        time_ms = known.timestamp
    return Metric(
        point.name,
        point.value,
        time_ms,
        point.step,
        model_id=point.model_id,
        dataset_name=name or None,
        dataset_digest=digest or None,
    )


def _chunks(entities: list[Entity], size: int) -> Iterator[list[Entity]]:
    for start in range(0, len(entities), size):
        yield entities[start : start + size]
