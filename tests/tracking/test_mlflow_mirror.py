"""The mirror against a real MLflow store: what it shows, and that doing it twice is harmless."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import text

from mood_sweeps.results.outbox import Outbox, RunKey
from mood_sweeps.store import Ref, Store
from mood_sweeps.tracking.mlflow_connection import connect
from mood_sweeps.tracking.mlflow_mirror import LEASE
from tests.support.mirrored_world import World


@pytest.fixture(scope="module")
def client(tracking_uri: str, tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    return connect(tracking_uri, tmp_path_factory.mktemp("artifacts"))


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> str:
    """A name of its own for every test: sweeps share one store, as a team's do."""
    return str(request.node.name)


def mirrored(world: World, uri: str, **options: Any) -> None:
    mirror = world.mirror(uri, **options)
    mirror.start()
    assert mirror.wait(60), mirror.last_error
    mirror.close()


def small_sweep(world: World, sweep: str) -> str:
    launch = world.launch(sweep)
    key = world.checkpoint()
    world.scored(key, {"knn(k=10)": 0.9, "msp": 0.8})
    world.representation(key)
    world.scored(key, {"msp": 0.75}, "photos", "far")
    world.end(launch)
    return key


def shown(client: MlflowClient, sweep: str) -> dict[str, Any]:
    """Everything MLflow shows of a sweep, with run and model ids replaced by names."""
    experiment = client.get_experiment_by_name(sweep).experiment_id
    found_runs = client.search_runs([experiment], max_results=1000)
    # Only a run read by itself comes with its inputs and outputs.
    runs = [client.get_run(run.info.run_id) for run in found_runs]
    models = client.search_logged_models([experiment])
    name_of = {run.info.run_id: run.info.run_name for run in runs}
    name_of |= {model.model_id: model.name for model in models}
    assert len(set(name_of.values())) == len(name_of), "something is there twice"
    found = {}
    for run in runs:
        history = [
            (point.key, point.step, point.timestamp, point.value)
            for key in run.data.metrics
            for point in client.get_metric_history(run.info.run_id, key)
        ]
        inputs = run.inputs
        found[run.info.run_name] = {
            "status": run.info.status,
            "times": (run.info.start_time, run.info.end_time),
            "params": run.data.params,
            "tags": {k: name_of.get(v, v) for k, v in run.data.tags.items()},
            "history": sorted(history),
            "datasets": sorted((d.dataset.name, d.dataset.digest) for d in inputs.dataset_inputs),
            "inputs": [name_of[model.model_id] for model in inputs.model_inputs],
            "outputs": [name_of[model.model_id] for model in run.outputs.model_outputs],
            "files": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
        }
    for model in models:
        scores = sorted((m.key, m.value, m.dataset_name) for m in model.metrics or [])
        files = sorted(f.path for f in client.list_logged_model_artifacts(model.model_id))
        found[model.name] = {
            "status": str(model.status),
            "from": name_of[model.source_run_id],
            "metrics": scores,
            "files": files,
        }
    return found


LAUNCH = "launch 1 · 2026-11-21 09:30"
REPRESENTATION = "mim · vit_nano · pt+ft · seed 0 · digits:0-5"
NEAR, FAR = "digits:6-9 (near)", "photos (far)"
MODEL = "mim-vit_nano-pt+ft-seed0"


def test_layout_is_launch_representation_pair(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    found = shown(client, sweep)
    assert set(found) == {LAUNCH, REPRESENTATION, NEAR, FAR, MODEL}
    assert "mlflow.parentRunId" not in found[LAUNCH]["tags"]
    assert found[REPRESENTATION]["tags"]["mlflow.parentRunId"] == LAUNCH
    assert {found[pair]["tags"]["mlflow.parentRunId"] for pair in (NEAR, FAR)} == {REPRESENTATION}
    assert {found[run]["status"] for run in (LAUNCH, REPRESENTATION, NEAR, FAR)} == {"FINISHED"}
    assert world.outbox.count_open() == 0


def test_launch_shows_its_sweep_plan_and_report(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str, tmp_path: Path
) -> None:
    launch = world.launch(sweep)
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.md").write_text("# Result")
    mirror = world.mirror(tracking_uri)
    mirror.start()
    assert mirror.wait(60)
    assert shown(client, sweep)[LAUNCH]["status"] == "RUNNING"
    mirror.attach_report(launch, report)
    log = tmp_path / "a-1.log"
    log.write_text("Traceback …")
    mirror.attach_logs(launch, [log])
    world.end(launch, "failed")
    assert mirror.wait(60)
    mirror.close()
    found = shown(client, sweep)[LAUNCH]
    assert found["status"] == "FAILED"
    assert found["times"][1] - found["times"][0] == 600_000
    assert found["files"] == ["logs", "plan.txt", "report", "sweep.yaml"]
    assert found["params"]["executor"] == "inline"
    assert found["params"]["cells"] == "4"


@pytest.mark.parametrize(
    ("outcome", "status"), [("interrupted", "KILLED"), ("killed", "KILLED"), ("done", "FINISHED")]
)
def test_outcome_becomes_status(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str, outcome: str, status: str
) -> None:
    world.end(world.launch(sweep), outcome)
    mirrored(world, tracking_uri)
    assert shown(client, sweep)[LAUNCH]["status"] == status


def test_pair_shows_metrics_datasets_and_the_model_they_belong_to(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    pair = shown(client, sweep)[NEAR]
    values = {key: value for key, _, _, value in pair["history"]}
    assert values["auroc.knn-k:10"] == 0.9
    assert values["fpr95.msp"] == pytest.approx(0.2)
    assert {key.split(".")[0] for key in values} == {"auroc", "fpr95", "aupr_in", "aupr_out"}
    assert pair["tags"]["mood.scorer.knn-k:10"] == "knn(k=10)"
    assert [name for name, _ in pair["datasets"]] == ["digits:0-5", "digits:6-9"]
    assert all(len(digest) == 36 for _, digest in pair["datasets"])
    assert pair["inputs"] == [MODEL]
    assert pair["params"] == {
        "id_set": "digits:0-5",
        "ood_set": "digits:6-9",
        "distance": "near",
        "n_id": "100",
        "n_ood": "200",
    }
    model = shown(client, sweep)[MODEL]
    assert ("auroc.msp", 0.75, "photos") in model["metrics"]


def test_undefined_number_is_left_out_with_its_reason(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    world.launch(sweep)
    world.scored(world.checkpoint(), {"msp": None})
    mirrored(world, tracking_uri)
    pair = shown(client, sweep)[NEAR]
    assert pair["history"] == []
    assert pair["tags"]["mood.reason.msp"] == "no spread"


def test_representation_shows_curves_parameters_and_accuracy(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    run = shown(client, sweep)[REPRESENTATION]
    curve = [(step, value) for key, step, _, value in run["history"] if key == "pretrain/loss"]
    assert curve == [(epoch, 1 / (epoch + 1)) for epoch in range(5)]
    assert {key for key, *_ in run["history"]} == {
        "pretrain/loss",
        "finetune/loss",
        "finetune/accuracy",
        "id_accuracy",
    }
    assert run["tags"]["mood.id_accuracy_from"] == "head"
    assert run["params"]["pretext"] == "mim"
    assert run["params"]["pretrain.pretext.epochs"] == "5"
    assert run["params"]["finetune.stage"] == "ft"
    start, end = run["times"]
    assert end - start == 3000


def test_representation_of_a_training_that_learned_nothing_says_so(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    doubts = ("doubtful training: a: the loss did not fall", "doubtful training: b: c")
    world.launch(sweep)
    key = world.checkpoint(doubts=doubts)
    world.scored(key, {"msp": 0.9})
    world.representation(key)
    mirrored(world, tracking_uri)
    assert shown(client, sweep)[REPRESENTATION]["tags"]["mood.doubts"] == "; ".join(doubts)


def test_checkpoint_can_be_downloaded_byte_for_byte(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str, tmp_path: Path
) -> None:
    key = small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    model = shown(client, sweep)[MODEL]
    assert model["status"] == "READY"
    assert model["from"] == REPRESENTATION
    assert {"model.safetensors", "head.safetensors", "checkpoint.json"} <= set(model["files"])
    experiment = client.get_experiment_by_name(sweep).experiment_id
    (logged,) = client.search_logged_models([experiment])
    from mlflow.artifacts import download_artifacts

    here = download_artifacts(
        artifact_uri=logged.artifact_location, dst_path=str(tmp_path), tracking_uri=tracking_uri
    )
    source = world.store.folder(Ref("finetune", key))
    for name in ("model.safetensors", "head.safetensors", "checkpoint.json"):
        assert (Path(here) / name).read_bytes() == (source / name).read_bytes()


def test_linked_checkpoint_is_named_but_not_copied(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    key = small_sweep(world, sweep)
    mirrored(world, tracking_uri, checkpoints="link")
    found = shown(client, sweep)
    assert found[MODEL]["files"] == []
    place = str(world.store.folder(Ref("finetune", key)))
    assert found[REPRESENTATION]["tags"]["mood.checkpoint"] == place


def test_representation_whose_checkpoint_is_gone_is_shown_without_it(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    key = small_sweep(world, sweep)
    world.store.quarantine(Ref("finetune", key))
    mirrored(world, tracking_uri)
    found = shown(client, sweep)
    assert set(found) == {LAUNCH, REPRESENTATION, NEAR, FAR}
    assert found[REPRESENTATION]["tags"]["mood.checkpoint"] == "not in the store any more"
    assert found[NEAR]["inputs"] == []


@pytest.mark.parametrize("kind", ["pretrain", "finetune"])
def test_checkpoint_whose_bytes_changed_is_put_away_and_all_the_rest_is_shown(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str, kind: str
) -> None:
    key = small_sweep(world, sweep)
    pretrained = world.store.manifest(Ref("finetune", key)).origin.content["checkpoint"]
    ref = Ref(kind, key if kind == "finetune" else pretrained)
    weights = world.store.folder(ref) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    world.store = Store(world.store.root)  # a process that has not read it yet
    mirror = world.mirror(tracking_uri)
    mirror.start()
    assert mirror.wait(60), mirror.last_error
    mirror.close()
    assert mirror.last_error is None  # nothing had to be tried later
    found = shown(client, sweep)
    assert {LAUNCH, REPRESENTATION, NEAR, FAR} <= set(found)
    assert not world.store.has(ref)
    assert (MODEL in found) == (kind == "pretrain")


def test_checkpoint_that_was_made_again_is_not_shown_twice(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    before = shown(client, sweep)
    # The same bytes at another time, and a database that knows of no run.
    time.sleep(1.1)  # manifests know seconds
    again = World(world.root.with_name("again"))
    small_sweep(again, sweep)
    mirrored(again, tracking_uri)
    after = shown(client, sweep)
    again.database.close()
    assert set(after) == set(before)
    assert {name: content.get("history") for name, content in after.items()} == {
        name: content.get("history") for name, content in before.items()
    }


def test_number_that_was_made_again_is_not_shown_twice(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    before = shown(client, sweep)
    # Its object and its row were lost: the same value at another time.
    again = World(world.root.with_name("again"))
    again.store = world.store
    small_sweep(again, sweep)
    with again.database.writing() as connection:
        connection.execute(text("update evaluations set created_at = '2026-11-22T09:30:00+00:00'"))
    mirrored(again, tracking_uri)
    after = shown(client, sweep)
    again.database.close()
    assert set(after) == set(before)
    for name in before:
        assert after[name].get("history") == before[name].get("history")
        assert after[name].get("metrics") == before[name].get("metrics")


def test_scorer_added_later_joins_the_same_run(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    key = small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    before = shown(client, sweep)
    world.scored(key, {"vim": 0.95})
    mirrored(world, tracking_uri)
    after = shown(client, sweep)
    assert set(after) == set(before)
    assert set(before[NEAR]["history"]) < set(after[NEAR]["history"])
    assert ("auroc.vim", 0.95) in [(key, value) for key, _, _, value in after[NEAR]["history"]]
    assert after[FAR] == before[FAR]


def test_accuracy_follows_a_representation_shown_before_it_was_evaluated(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    world.launch(sweep)
    key = world.checkpoint()
    world.planned(key, ["msp"])
    world.representation(key)
    mirror = world.mirror(tracking_uri)
    mirror.start()
    assert mirror.wait(60)
    assert "id_accuracy" not in str(shown(client, sweep)[REPRESENTATION]["history"])
    world.scored(key, {"vim": 0.9})
    assert mirror.wait(60)
    mirror.close()
    assert "id_accuracy" in str(shown(client, sweep)[REPRESENTATION]["history"])


def test_second_launch_has_a_run_of_its_own_and_old_runs_stay(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    before = shown(client, sweep)
    world.end(world.relaunch())
    mirrored(world, tracking_uri)
    after = shown(client, sweep)
    assert set(after) - set(before) == {"launch 2 · 2026-11-21 09:30"}
    assert {name: after[name] for name in before} == before


class Crash(BaseException):
    """Not an Exception: nothing in the mirror may catch it, as nothing catches kill -9."""


WRITES = [
    (MlflowClient, "create_experiment"),
    (MlflowClient, "create_run"),
    (MlflowClient, "log_batch"),
    (MlflowClient, "log_artifacts"),
    (MlflowClient, "log_inputs"),
    (MlflowClient, "log_outputs"),
    (MlflowClient, "create_logged_model"),
    (MlflowClient, "log_model_artifacts"),
    (MlflowClient, "finalize_logged_model"),
    (SqlAlchemyStore, "update_run_info"),
    (Outbox, "remember_run"),
    (Outbox, "mark_done"),
]


def crash_at(patch: pytest.MonkeyPatch, moment: int) -> Callable[[], int]:
    """Crash before (even) or after (odd moment) the n-th write; return a counter of writes."""
    writes = 0

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **options: Any) -> Any:
            nonlocal writes
            writes += 1
            if moment == 2 * writes - 2:
                raise Crash
            result = original(*arguments, **options)
            if moment == 2 * writes - 1:
                raise Crash
            return result

        return write

    for owner, name in WRITES:
        patch.setattr(owner, name, wrapped(getattr(owner, name)))
    return lambda: writes


def without_places(found: dict[str, Any]) -> str:
    """What is shown, without what differs between two stores: folders, times, keys."""
    text = {
        name: {
            **content,
            "times": None,
            "tags": {
                key: value
                for key, value in content.get("tags", {}).items()
                if key not in ("mood.checkpoint", "mood.sweep")
            },
            "history": [(key, step, value) for key, step, _, value in content.get("history", [])],
        }
        for name, content in found.items()
    }
    return str(sorted(text.items()))


def test_crash_at_any_moment_doubles_and_loses_nothing(
    tmp_path: Path, client: MlflowClient, tracking_uri: str
) -> None:
    world = World(tmp_path / "whole")
    small_sweep(world, "whole")
    with pytest.MonkeyPatch.context() as patch:
        count = crash_at(patch, -1)
        mirrored(world, tracking_uri)
        writes = count()
    assert writes > 20
    expected = without_places(shown(client, "whole"))
    # Before a write there is what there was after the one before.
    for moment in (0, *range(1, 2 * writes, 2)):
        world = World(tmp_path / f"crash{moment}")
        small_sweep(world, f"crash{moment}")
        with pytest.MonkeyPatch.context() as patch:
            crash_at(patch, moment)
            with pytest.raises(Crash):
                world.mirror(tracking_uri)._run()
        mirrored(world, tracking_uri)
        found = shown(client, f"crash{moment}")
        assert without_places(found) == expected, f"crash at moment {moment}"
        world.database.close()


def test_batch_that_mlflow_wrote_in_part_is_completed(
    world: World,
    client: MlflowClient,
    tracking_uri: str,
    sweep: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MLflow writes the metrics of a run and of its model in two transactions."""
    small_sweep(world, sweep)
    write = SqlAlchemyStore._log_model_metrics

    def fails(self: Any, run_id: str, metrics: list[Any], **options: Any) -> None:
        if any(metric.model_id for metric in metrics):
            raise Crash
        write(self, run_id, metrics, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SqlAlchemyStore, "_log_model_metrics", fails)
        with pytest.raises(Crash):
            world.mirror(tracking_uri)._run()
    assert shown(client, sweep)[MODEL]["metrics"] == []
    mirrored(world, tracking_uri)
    found = shown(client, sweep)
    assert [metric[:2] for metric in found[MODEL]["metrics"]] == [
        ("auroc.knn-k:10", 0.9), ("auroc.msp", 0.75), ("auroc.msp", 0.8)
    ]  # fmt: skip
    assert len(found[NEAR]["history"]) == len(set(found[NEAR]["history"])) == 8


def test_new_database_finds_the_runs_of_the_old_one(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str, tmp_path: Path
) -> None:
    small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    before = shown(client, sweep)
    other = World(tmp_path / "other")
    other.store = world.store
    small_sweep(other, sweep)
    mirrored(other, tracking_uri)
    after = shown(client, sweep)
    assert set(after) == set(before)
    assert without_places(after) == without_places(before)


def test_run_deleted_in_mlflow_is_made_again(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    key = small_sweep(world, sweep)
    mirrored(world, tracking_uri)
    place = RunKey(sweep, key, "digits:0-5", "photos")
    first = world.outbox.run_id(place)
    client.delete_run(first)
    world.outbox.remember_run(RunKey(sweep, key, "digits:0-5"), "0" * 32)
    world.scored(key, {"vim": 0.7}, "photos", "far")
    mirrored(world, tracking_uri)
    assert world.outbox.run_id(place) != first
    assert set(shown(client, sweep)) == {LAUNCH, REPRESENTATION, NEAR, FAR, MODEL}


def test_deleted_experiment_keeps_items_open_and_says_what_to_do(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    world.launch(sweep)
    mirrored(world, tracking_uri)
    experiment = client.get_experiment_by_name(sweep).experiment_id
    client.delete_experiment(experiment)
    world.relaunch()
    mirror = world.mirror(tracking_uri)
    mirror.start()
    assert not mirror.wait(3)
    assert mirror.pending() == 1
    assert "restore it in MLflow" in str(mirror.last_error)
    mirror.close()
    client.restore_experiment(experiment)
    mirrored(world, tracking_uri)


def test_mlflow_down_raises_nothing_and_is_made_up_for_later(
    world: World,
    client: MlflowClient,
    tracking_uri: str,
    sweep: str,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    small_sweep(world, sweep)
    (tmp_path / "file").write_text("no folder")
    mirror = world.mirror(f"sqlite:///{tmp_path}/file/mlflow.db")
    with caplog.at_level(logging.WARNING):
        mirror.start()
        assert not mirror.wait(8)
        mirror.close()
    assert mirror.pending() == 5
    assert mirror.last_error
    assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1
    mirrored(world, tracking_uri)
    assert set(shown(client, sweep)) == {LAUNCH, REPRESENTATION, NEAR, FAR, MODEL}


def test_one_refused_item_does_not_hold_up_the_others(
    world: World,
    client: MlflowClient,
    tracking_uri: str,
    sweep: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_sweep(world, sweep)
    original = MlflowClient.create_run

    def refuse_near(self: MlflowClient, *arguments: Any, **options: Any) -> Any:
        if options["run_name"] == NEAR:
            raise MlflowException("refused")
        return original(self, *arguments, **options)

    monkeypatch.setattr(MlflowClient, "create_run", refuse_near)
    mirror = world.mirror(tracking_uri)
    mirror.start()
    assert not mirror.wait(20)
    assert mirror.pending() == 1
    assert FAR in shown(client, sweep)
    monkeypatch.undo()
    mirror.close()
    mirrored(world, tracking_uri)
    assert NEAR in shown(client, sweep)


def test_secrets_reach_neither_logs_nor_sql(
    world: World, sweep: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    world.launch(sweep)
    mirror = world.mirror("http://ann:s3cr%21t@127.0.0.1:9")
    with caplog.at_level(logging.DEBUG):
        mirror.start()
        assert not mirror.wait(5)
        mirror.close()
    assert "127.0.0.1" in str(mirror.last_error)
    with sqlite3.connect(world.root / "results.db") as connection:
        rows = str(connection.execute("SELECT error FROM outbox").fetchall())
    assert "MlflowException" in rows
    shown_text = "\n".join(record.getMessage() for record in caplog.records) + rows
    for secret in ("s3cr%21t", "s3cr!t"):
        assert secret not in shown_text + str(mirror.last_error)


def test_of_two_mirrors_on_one_store_one_writes(
    world: World, client: MlflowClient, tracking_uri: str, sweep: str
) -> None:
    launch = world.launch(sweep)
    first, second = world.mirror(tracking_uri), world.mirror(tracking_uri)
    first.start()
    assert first.wait(60)
    second.start()
    key = world.checkpoint()
    world.scored(key, {"msp": 0.8})
    world.end(launch)
    assert second.wait(60), "the holder mirrors the other's items"
    assert second._view is None
    first.close()
    world.scored(key, {"msp": 0.7}, "photos", "far")
    assert second.wait(60), "and hands over when it ends"
    second.close()
    assert set(shown(client, sweep)) == {LAUNCH, REPRESENTATION, NEAR, FAR, MODEL}
    assert world.store.leases.acquire(LEASE) is not None


def test_who_is_in_a_hurry_does_not_wait(world: World, sweep: str, tmp_path: Path) -> None:
    world.launch(sweep)
    mirror = world.mirror(f"sqlite:///{tmp_path}/new/mlflow.db")
    asked: list[bool] = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    mirror.start()
    assert not mirror.wait(3600, should_stop)
    mirror.close(60)


def test_nothing_to_mirror_opens_nothing(world: World, tmp_path: Path) -> None:
    mirror = world.mirror(f"sqlite:///{tmp_path}/none/mlflow.db")
    mirror.start()
    assert mirror.wait(1)
    mirror.close()
    assert not (tmp_path / "none").exists()


def test_a_launch_without_a_row_waits_before_it_opens_anything(
    world: World, sweep: str, tmp_path: Path
) -> None:
    world.launch(sweep)
    mirror = world.mirror(f"sqlite:///{tmp_path}/new/mlflow.db")
    mirror.start()
    time.sleep(1.5)  # several looks into the outbox
    assert not (tmp_path / "new").exists()
    assert mirror.wait(60), "a waiting launch need not wait any longer"
    mirror.close()
    assert (tmp_path / "new" / "mlflow.db").exists()


def test_environment_and_terminal_stay_clean(
    world: World, sweep: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small_sweep(world, sweep)
    before = dict(os.environ)
    mirrored(world, f"sqlite:///{tmp_path}/new store/mlflow.db")
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")
    with sqlite3.connect(tmp_path / "new store" / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    left = [path.name for path in (tmp_path / "new store").iterdir()]
    assert not [name for name in left if name.startswith(".")]


def test_close_is_prompt_and_harmless_at_any_time(world: World, tracking_uri: str) -> None:
    unstarted = world.mirror(tracking_uri)
    unstarted.close()
    mirror = world.mirror(tracking_uri)
    mirror.start()
    started = time.monotonic()
    mirror.close()
    mirror.close()
    assert time.monotonic() - started < 5


@pytest.fixture(autouse=True)
def _no_hidden_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
