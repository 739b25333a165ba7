"""Trials of tuned stages in MLflow: a run each, under that of their representation."""

from __future__ import annotations

from collections.abc import Iterable

from mlflow.entities import Run

from mood_sweeps.results.outbox import RunPlace
from mood_sweeps.tracking.mlflow_runs import Runs
from mood_sweeps.tracking.object_environments import environment_tags
from mood_sweeps.tracking.training_lineage import TrainedStage

__all__ = ["TRIAL", "show_trials"]

TRIAL = "trial"


def show_trials(runs: Runs, stages: Iterable[TrainedStage], place: RunPlace, parent: Run) -> None:
    """Make the runs of all trials behind a representation, or finish those that were begun.

    place, parent: of the representation's run.
    """
    start_ms = int(parent.info.start_time)
    for stage in stages:
        for trial in stage.trials(start_ms):
            at = place.of_trial(stage.name, trial.number)
            subject = f"{at.representation_key}|{at.id_set}|{at.ood_set}"
            run = runs.find(TRIAL, subject, at)
            if run is None:
                name = f"{stage.name} trial {trial.number}"
                run_id = parent.info.run_id
                run = runs.make(TRIAL, subject, at, name, {}, start_ms, run_id)
            elif run.info.status == "FINISHED":
                continue
            tags = trial.tags | environment_tags([stage.manifest])
            runs.fill(run, trial.parameters, trial.points, tags)
            runs.close(run, "FINISHED", start_ms + int(stage.manifest.seconds * 1000))
