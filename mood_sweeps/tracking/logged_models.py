"""Checkpoints as logged models: copied so that the UI can hand them out, or linked if large."""

from __future__ import annotations

from typing import Literal

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run

from mood_sweeps.results.mlflow_records import RepresentationShown
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
        """Return what a run says about its checkpoint: where it is, its bytes, what made it."""
        return {
            "mood.checkpoint": str(self._store.folder(Ref(manifest.kind, manifest.key))),
            "mood.digest": manifest.digest,
            "mood.bytes": str(manifest.size),
            **environment_tags([manifest]),
        }

    def show(self, run: Run, shown: RepresentationShown, manifest: Manifest) -> str:
        """Make the run's logged model, or finish one that was begun; return its id."""
        outputs = run.outputs.model_outputs if run.outputs is not None else []
        if outputs:
            return str(outputs[0].model_id)
        model = self._begun(run) or self._client.create_logged_model(
            run.info.experiment_id,
            name=model_name(shown),
            source_run_id=run.info.run_id,
            tags=self.tags(manifest),
            params={"pretext": shown.pretext, "backbone": shown.backbone},
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
        """Return name and value of what a run has given a model so far."""
        if not run.data.metrics:
            return set()
        found = self._client.get_logged_model(model_id).metrics or []
        return {(each.key, each.value) for each in found if each.run_id == run.info.run_id}

    def _is_copied(self, manifest: Manifest) -> bool:
        if self._transfer == "auto":
            return manifest.size <= MAX_COPIED_BYTES
        return self._transfer == "copy"

    def _begun(self, run: Run) -> LoggedModel | None:
        """Return a model left by a crash; a run made just now has no parameters read back yet."""
        if not run.data.params:
            return None
        found = self._client.search_logged_models(
            [run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
        )
        return found[0] if found else None
