"""Trials of a tuned stage against a real MLflow store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient

from mood_sweeps.identity import key_of
from mood_sweeps.store import Origin, Ref
from mood_sweeps.store.codecs import save_arrays
from mood_sweeps.tracking.mlflow_connection import connect
from mood_sweeps.tracking.training_lineage import training_stages
from tests.support.mirrored_world import World


def row(trial: int, accuracies: list[float], *, is_winner: bool = False) -> dict[str, Any]:
    rungs = [2, 4][: len(accuracies)]
    return {
        "trial": trial,
        "parameters": {"learning_rate": 0.1 * (trial + 1), "target": "pixels"},
        "rungs": rungs,
        "validation_accuracy": accuracies,
        "is_winner": is_winner,
        "error": "" if accuracies else "the loss is nan",
        "curves": [
            {"epoch": e, "epochs": 4, "loss": 1 / e} for e in range(1, max(rungs, default=0) + 1)
        ],
    }


ROWS = [row(0, [0.5]), row(1, [0.7, 0.9], is_winner=True), row(2, [])]


def tuned(world: World) -> str:
    """Publish a checkpoint of a tuned pretext task; return its key."""
    content = {"kind": "pretrain", "version": 1, "pretext": {"name": "mim", "version": 1}}

    def write(folder: Path) -> None:
        save_arrays({"weight": np.zeros(3)}, folder / "model.safetensors")
        (folder / "checkpoint.json").write_text("{}")
        (folder / "curves.json").write_text(json.dumps(ROWS[1]["curves"]))
        (folder / "trials.json").write_text(json.dumps(ROWS))

    key = key_of(content)
    world.store.publish(Ref("pretrain", key), write, Origin(content, {}, {}), None, seconds=3.0)
    return key


def runs_of(client: MlflowClient, sweep: str) -> dict[str, Any]:
    experiment = client.get_experiment_by_name(sweep).experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment], max_results=100)}


def mirrored(world: World, uri: str) -> None:
    mirror = world.mirror(uri)
    mirror.start()
    assert mirror.wait(60), mirror.last_error
    mirror.close()


def test_a_trial_is_a_run_under_its_representation(
    world: World, tracking_uri: str, tmp_path: Path
) -> None:
    client = connect(tracking_uri, tmp_path)
    launch = world.launch("trials")
    key = tuned(world)
    world.scored(key, {"knn": 0.9})
    world.representation(key)
    mirrored(world, tracking_uri)
    runs = runs_of(client, "trials")
    (parent,) = (run for name, run in runs.items() if name.startswith("mim · "))
    trials = [runs[f"pretrain trial {number}"] for number in range(3)]
    for trial in trials:
        assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert trial.info.status == "FINISHED"
    assert [trial.data.tags["mood.is_winner"] for trial in trials] == ["False", "True", "False"]
    assert trials[2].data.tags["mood.error"] == "the loss is nan"
    assert trials[1].data.params["pretrain.learning_rate"] == "0.2"
    curve = client.get_metric_history(trials[1].info.run_id, "pretrain/validation_accuracy")
    assert [(point.step, point.value) for point in curve] == [(2, 0.7), (4, 0.9)]
    loss = client.get_metric_history(trials[1].info.run_id, "pretrain/loss")
    assert [point.step for point in loss] == [1, 2, 3, 4]

    world.representation(key, "again")
    world.end(launch)
    mirrored(world, tracking_uri)
    assert len(runs_of(client, "trials")) == len(runs), "a trial is there twice"


def test_what_the_curves_say_is_not_said_twice(world: World) -> None:
    (stage,) = training_stages(world.store, tuned(world))
    first, winner, failed = stage.trials(1000)
    names = [point.name for point in winner.points]
    assert names.count("pretrain/validation_accuracy") == 2
    assert [point.time_ms for point in first.points if point.name == "pretrain/loss"] == [
        1001,
        1002,
    ]
    assert failed.points == []
