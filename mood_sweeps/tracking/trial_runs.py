"""Trials of tuned stages in MLflow: a run each, below the run of their representation."""

from __future__ import annotations

from collections.abc import Iterable

from mlflow.entities import Run

from mood_sweeps.results.outbox import RunKey
from mood_sweeps.tracking.mlflow_runs import Runs
from mood_sweeps.tracking.object_environments import environment_tags
from mood_sweeps.tracking.training_lineage import TrainedStage

__all__ = ["TRIAL", "show_trials"]

TRIAL = "trial"


def show_trials(runs: Runs, stages: Iterable[TrainedStage], run_key: RunKey, parent: Run) -> None:
    """Create the runs of all trials behind a representation, or finish unfinished ones.

    run_key, parent: of the representation's run.
    """
    start_ms = int(parent.info.start_time)
    for stage in stages:
        for trial in stage.trials(start_ms):
            trial_key = run_key.of_trial(stage.name, trial.number)
            subject = f"{trial_key.representation_key}|{trial_key.id_set}|{trial_key.ood_set}"
            run = runs.find(TRIAL, subject, trial_key)
            if run is None:
                name = f"{stage.name} trial {trial.number}"
                run_id = parent.info.run_id
                run = runs.make(TRIAL, subject, trial_key, name, {}, start_ms, run_id)
            elif run.info.status == "FINISHED":
                continue
            tags = trial.tags | environment_tags([stage.manifest])
            runs.fill(run, trial.parameters, trial.points, tags)
            runs.close(run, "FINISHED", start_ms + int(stage.manifest.seconds * 1000))
