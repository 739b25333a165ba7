"""Checkpoints as logged models: copied, so that the UI offers a download, or linked if large."""

from __future__ import annotations

from typing import Literal

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run

from mood_sweeps.results.mlflow_records import RepresentationRecord
from mood_sweeps.store import Manifest, Ref, Store
from mood_sweeps.tracking.mlflow_names import model_name
from mood_sweeps.tracking.object_environments import environment_tags

__all__ = ["MAX_COPIED_BYTES", "Checkpoints", "Transfer"]

MAX_COPIED_BYTES = 100_000_000
Transfer = Literal["auto", "copy", "link"]


class Checkpoints:
    """Shows checkpoints in MLflow.

    transfer: ``copy`` always, ``link`` never copies, ``auto`` copies up to ``MAX_COPIED_BYTES``.
    """

    def __init__(self, client: MlflowClient, store: Store, transfer: Transfer) -> None:
        self._client = client
        self._store = store
        self._transfer = transfer

    def tags(self, manifest: Manifest) -> dict[str, str]:
        """Return a run's tags on its checkpoint: its folder, digest, size and environment."""
        return {
            "mood.checkpoint": str(self._store.folder(Ref(manifest.kind, manifest.key))),
            "mood.digest": manifest.digest,
            "mood.bytes": str(manifest.size),
            **environment_tags([manifest]),
        }

    def show(self, run: Run, record: RepresentationRecord, manifest: Manifest) -> str:
        """Create the run's logged model, or finish an unfinished one; return its id."""
        outputs = run.outputs.model_outputs if run.outputs is not None else []
        if outputs:
            return str(outputs[0].model_id)
        model = self._unfinished_model(run) or self._client.create_logged_model(
            run.info.experiment_id,
            name=model_name(record),
            source_run_id=run.info.run_id,
            tags=self.tags(manifest),
            params={"pretext": record.pretext, "backbone": record.backbone},
            model_type="checkpoint",
        )
        if model.status != LoggedModelStatus.READY:
            if self._is_copied(manifest):
                folder = self._store.folder(Ref(manifest.kind, manifest.key))
                self._client.log_model_artifacts(model.model_id, str(folder))
            self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])
        return str(model.model_id)

    def metrics(self, model_id: str, run: Run) -> set[tuple[str, float]]:
        """Return (name, value) of the metrics that a run has logged to a model."""
        if not run.data.metrics:
            return set()
        found = self._client.get_logged_model(model_id).metrics or []
        return {(each.key, each.value) for each in found if each.run_id == run.info.run_id}

    def _is_copied(self, manifest: Manifest) -> bool:
        if self._transfer == "auto":
            return manifest.size <= MAX_COPIED_BYTES
        return self._transfer == "copy"

    def _unfinished_model(self, run: Run) -> LoggedModel | None:
        """Return a model that a crash left unfinished; a run without parameters has none."""
        if not run.data.params:
            return None
        found = self._client.search_logged_models(
            [run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
        )
        return found[0] if found else None
