"""Launches on a user's features: the numbers equal those of `score_features`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mood_sweeps as ms
from mood_sweeps.errors import InputError
from mood_sweeps.launching.explain import explain, find_cell
from mood_sweeps.launching.launch_options import Options
from mood_sweeps.launching.launch_status import launch_status
from mood_sweeps.launching.progress import SilentProgress
from mood_sweeps.launching.sweep_report import write_sweep_report
from mood_sweeps.planning.calls import Call
from tests.support.external_feature_cases import EXPERIMENT, arrays_of, write_sets
from tests.support.small_launches import OPTIONS, Tried, try_launch

SCORERS = ["msp", "vim@moodv2", "kl_matching@openood", {"knn": {"k": [1, 5]}}]
COLUMNS = ["auroc", "auroc_low", "auroc_high", "fpr95", "fpr95_ood_positive", "aupr_in", "aupr_out"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sets(tmp_path)
    return tmp_path


def scored(folder: Path, head: str | None = "head.npz") -> pd.DataFrame:
    """Return what `score_features` gives for the same files, by scorer and OOD set."""
    files = {name: str(folder / f"{name}.npz") for name in ("train", "val", "test", "near", "far")}
    frame = ms.score_features(
        files["train"],
        files["test"],
        {"foxes": files["near"], "noise": files["far"]},
        id_val=files["val"],
        head=head and str(folder / head),
        scorers=SCORERS,
        threads=1,
    )
    return frame.set_index(["scorer", "ood"]).sort_index()


def rows(tried: Tried) -> pd.DataFrame:
    frame = tried.launched.results().frame()
    return frame.set_index(["scorer", "ood_set"]).sort_index()


def test_the_numbers_are_those_of_score_features(folder: Path) -> None:
    tried = try_launch(EXPERIMENT, folder)
    assert tried.launched.exit_code == 0
    found, expected = rows(tried), scored(folder)
    assert list(found.index) == list(expected.index)
    assert len(found) == 10
    for column in COLUMNS:
        assert found[column].to_numpy(float) == pytest.approx(
            expected[column].to_numpy(float), abs=1e-12
        )
    assert set(found["pretext"]) == {"beit"}
    assert set(found["backbone"]) == {"features"}
    assert set(found["finetune"]) == {"given"}
    assert found["seed"].isna().all()
    assert found["distance"].to_dict()["msp", "noise"] == "far"
    head, test = arrays_of()["head"], arrays_of()["test"]
    predicted = (test["features"] @ head["weight"].T + head["bias"]).argmax(axis=1)
    assert set(found["id_accuracy"]) == {float(np.mean(predicted == test["labels"]))}
    assert set(found["id_accuracy_from"]) == {"head"}
    assert found["note"].isna().all()


def test_a_relaunch_runs_nothing_and_refills_a_lost_database(folder: Path) -> None:
    first = try_launch(EXPERIMENT, folder)
    assert first.launched.stages_run == 1 + 5 + 10
    before = first.rows()
    again = try_launch(EXPERIMENT, folder)
    assert (again.launched.exit_code, again.launched.stages_run) == (0, 0)
    for file in folder.glob("results.db*"):
        file.unlink()
    refilled = try_launch(EXPERIMENT, folder)
    assert (refilled.launched.stages_run, refilled.launched.adopted) == (0, 10)
    assert refilled.rows() == before


def test_a_renamed_file_adds_rows_and_runs_nothing(folder: Path) -> None:
    try_launch(EXPERIMENT, folder)
    (folder / "far.npz").rename(folder / "elsewhere.npz")
    text = EXPERIMENT.replace("noise: far.npz", "static: elsewhere.npz")
    renamed = try_launch(text, folder)
    assert (renamed.launched.exit_code, renamed.launched.stages_run) == (0, 0)
    assert set(renamed.launched.results().frame()["ood_set"]) == {"foxes", "static"}


def test_confusions_use_numbers_for_classes_without_names(folder: Path) -> None:
    tried = try_launch(EXPERIMENT, folder)
    confusions = tried.launched.results().confusions()
    assert set(confusions["ood_class"]) == set(confusions["id_class"]) == {"0", "1", "2"}
    per_cell = confusions.groupby("cell_key")["accepted"].sum()
    frame = tried.launched.results().frame()
    expected = (frame["fpr95"] * frame["n_ood"]).round().astype(int)
    assert per_cell.to_dict() == dict(zip(frame["cell_key"], expected, strict=True))


def test_without_labels_there_are_scores_but_no_accuracy_and_no_confusion(folder: Path) -> None:
    arrays = arrays_of()
    for content in arrays.values():
        content.pop("labels", None)
    write_sets(folder, arrays)
    text = EXPERIMENT.replace("    head: head.npz\n", "")
    tried = try_launch(text, folder)
    found = rows(tried)
    assert tried.launched.plan.removed == {
        "the scorer needs a head: none is given": 2,
        f"the scorer needs logits: {folder}/test.npz has no logits": 2,
        f"the scorer needs logits: {folder}/val.npz has no logits": 2,
    }
    assert set(found.index.get_level_values("scorer")) == {"knn(k=1)", "knn(k=5)"}
    expected = scored(folder, head=None).loc[found.index]
    assert found["auroc"].to_list() == expected["auroc"].to_list()
    assert found[["id_accuracy", "oscr", "ccr_at_fpr05"]].isna().all(axis=None)
    assert set(found["id_accuracy_from"]) == {"none"}
    assert set(found["note"]) == {
        "no ID accuracy, OSCR and CCR: the labels of the ID test set are unknown; "
        "no confusion: nothing predicts the ID classes of the OOD set"
    }
    assert tried.launched.results().confusions().empty
    assert write_sweep_report(
        tried.launched.results(), tried.store, "mine", folder / "report", folder
    )


def test_nearest_class_means_predict_where_there_is_no_head(folder: Path) -> None:
    tried = try_launch(EXPERIMENT.replace("    head: head.npz\n", ""), folder)
    found = rows(tried)
    assert set(found["id_accuracy_from"]) == {"nearest class mean"}
    arrays = arrays_of()
    train, test = arrays["train"], arrays["test"]
    means = np.stack([train["features"][train["labels"] == c].mean(axis=0) for c in range(3)])
    apart = np.linalg.norm(test["features"][:, None] - means, axis=2)
    assert set(found["id_accuracy"]) == {float(np.mean(apart.argmin(axis=1) == test["labels"]))}


def test_logits_in_the_files_predict_without_a_head(folder: Path) -> None:
    arrays = arrays_of()
    head = arrays["head"]
    for name in ("train", "val", "test", "near"):
        arrays[name]["logits"] = arrays[name]["features"] @ head["weight"].T + head["bias"]
    write_sets(folder, arrays)
    tried = try_launch(EXPERIMENT.replace("    head: head.npz\n", ""), folder)
    found = rows(tried)
    assert set(found["id_accuracy_from"]) == {"head"}
    assert found["note"].to_dict()["knn(k=1)", "noise"] == (
        "no confusion: nothing predicts the ID classes of the OOD set"
    )
    assert ("msp", "noise") not in found.index
    assert math.isfinite(found["oscr"].to_dict()["msp", "foxes"])


def test_bad_values_fail_with_file_and_array_and_a_corrected_file_resumes(folder: Path) -> None:
    arrays = arrays_of()
    arrays["far"]["features"][3] = np.nan
    write_sets(folder, arrays)
    tried = try_launch(EXPERIMENT, folder)
    assert tried.launched.exit_code == 1
    assert any("far.npz, 'features'" in line and "NaN" in line for line in tried.launched.failures)
    write_sets(folder)
    mended = try_launch(EXPERIMENT, folder)
    assert mended.launched.exit_code == 0
    assert mended.launched.stages_run == 1 + 10


class FileChanger(SilentProgress):
    """Changes a file as soon as work on the plan begins."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def started(self, call: Call, attempt: int) -> None:
        super().started(call, attempt)
        np.savez(self.file, **arrays_of(seed=1)[self.file.stem])


def test_a_file_that_changed_after_planning_is_refused(folder: Path) -> None:
    tried = try_launch(EXPERIMENT, folder, reporter=FileChanger(folder / "far.npz"))
    assert tried.launched.exit_code == 1
    assert any("changed after the launch was planned" in line for line in tried.launched.failures)
    again = try_launch(EXPERIMENT, folder)
    assert again.launched.exit_code == 0
    assert rows(again)["auroc"].to_list() == scored(folder)["auroc"].to_list()


def test_settings_are_selected_on_the_users_validation_sets(folder: Path) -> None:
    text = EXPERIMENT.replace("    far:", "    ood_val: {other: other.npz}\n    far:")
    tried = try_launch(text + "select: {on: id_val+ood_val}\n", folder)
    found = rows(tried)
    note = found["note"].to_dict()["knn(selected)", "foxes"]
    assert note.startswith("knn(k=")
    assert "selected on pets/val + other" in note
    chosen = note.partition(" ")[0]
    numbers = found["auroc"].to_dict()
    assert numbers["knn(selected)", "foxes"] == numbers[chosen, "foxes"]


def test_two_representations_share_banks_and_differ_where_their_files_do(folder: Path) -> None:
    text = EXPERIMENT.replace(
        "axes:\n",
        """\
  - name: dino
    id: {name: pets, train: val.npz, test: test.npz}
    near: {foxes: near.npz}
    far: {noise: other.npz}
axes:
""",
    )
    tried = try_launch(text, folder)
    assert tried.launched.exit_code == 0
    frame = tried.launched.results().frame()
    assert set(frame["pretext"]) == {"beit", "dino"}
    n_ood = frame.groupby(["pretext", "ood_set"])["n_ood"].unique()
    assert [list(counts) for counts in n_ood] == [[40], [45], [40], [35]]


def test_status_explain_and_report_work_with_external_features(folder: Path) -> None:
    tried = try_launch(EXPERIMENT, folder)
    results = tried.launched.results()
    (status,) = launch_status(results, "mine")
    assert status.cells == {"done": 10}
    cell = find_cell(tried.launched.plan, "beit,vim@moodv2,noise")
    assert [line.state for line in explain(cell, results, tried.store)] == ["cached"] * 5
    paths = write_sweep_report(results, tried.store, "mine", folder / "report", folder)
    text = paths[-1].read_text()
    assert "beit" in text
    assert "nan" not in text.lower().replace("provenance", "")


def test_a_deleted_bank_is_copied_again_when_it_is_needed(folder: Path) -> None:
    tried = try_launch(EXPERIMENT, folder)
    for file in folder.glob("results.db*"):
        file.unlink()
    for ref in list(tried.store.refs("given")):
        tried.store.quarantine(ref)
    more = try_launch(EXPERIMENT.replace("msp,", "msp, max_logit,"), folder)
    assert more.launched.exit_code == 0
    # Without the ID validation bank, which max_logit does not use.
    assert (more.launched.adopted, more.launched.stages_run) == (10, 1 + 4 + 2)


def test_missing_files_are_reported_before_anything_is_made(folder: Path) -> None:
    (folder / "far.npz").unlink()
    with pytest.raises(InputError, match="there is no such file"):
        try_launch(EXPERIMENT, folder)
    assert not (folder / "store").exists()


@pytest.mark.parametrize("has_head", [True, False])
def test_mlflow_shows_the_head_and_no_curves(folder: Path, has_head: bool) -> None:
    from mlflow import MlflowClient

    text = EXPERIMENT if has_head else EXPERIMENT.replace("    head: head.npz\n", "")
    options = Options(**{**vars(OPTIONS), "mlflow": True})
    tried = try_launch(text, folder, options=options)
    assert tried.launched.unmirrored == 0
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name LIKE '%mine%'")
    runs = client.search_runs([experiment.experiment_id])
    (shown,) = [run for run in runs if run.data.params.get("pretext") == "beit"]
    assert "seed" not in shown.data.params
    assert set(shown.data.metrics) == {"id_accuracy"}
    models = client.search_logged_models([experiment.experiment_id])
    assert len(models) == has_head
    pairs = [run for run in runs if run.data.params.get("ood_set")]
    assert {run.data.params["ood_set"] for run in pairs} == {"foxes", "noise"}
    digests = {
        dataset.dataset.name: dataset.dataset.digest
        for run in pairs
        for dataset in run.inputs.dataset_inputs
    }
    assert set(digests) == {"pets", "foxes", "noise"}
    assert len(set(digests.values())) == 3


def test_float64_features_far_from_zero_keep_their_digits_in_the_store(folder: Path) -> None:
    arrays = arrays_of()
    for name, content in arrays.items():
        if name != "head":
            content["features"] = content["features"].astype(np.float64) + 1e6
    weight = arrays["head"]["weight"].astype(np.float64)
    arrays["head"] |= {"weight": weight, "bias": arrays["head"]["bias"] - weight.sum(axis=1) * 1e6}
    near = rows(try_launch(EXPERIMENT.replace("vim@moodv2", "mahalanobis"), folder))
    write_sets(folder, arrays)
    there = rows(try_launch(EXPERIMENT.replace("vim@moodv2", "mahalanobis"), folder))
    for scorer in ("msp", "mahalanobis", "kl_matching@openood"):
        assert there.loc[scorer, "auroc"].tolist() == pytest.approx(
            near.loc[scorer, "auroc"].tolist(), abs=1e-3
        )
