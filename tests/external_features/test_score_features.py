"""Scoring features of one's own: the numbers are those of the parts; what is missing is said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

import mood_sweeps as ms
from mood_sweeps.external_features.score_sets import score
from mood_sweeps.metrics import METRICS, PairScores, compute_metrics, predict
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.numeric import torch_device
from tests.support.feature_files import make_sets, only, save, save_sets
from tests.support.user_scorers import Says, Where

SETS = make_sets()
COLUMNS = ["scorer", "ood", *METRICS, "n_id", "n_ood", "seconds", "reason", "note"]
NUMBERS = COLUMNS[2:-2]
SOME = "msp,energy,mahalanobis,knn(k=10),vim,react"


def table(**changed) -> pd.DataFrame:
    plain = {
        "id_train": SETS.train,
        "id_test": SETS.test,
        "ood": SETS.oods,
        "id_val": SETS.val,
        "head": SETS.head,
        "scorers": SOME,
    }
    return ms.score_features(**{**plain, **changed})


def one(frame: pd.DataFrame, scorer: str, ood: str = "near") -> pd.Series:
    ((_, row),) = frame[(frame["scorer"] == scorer) & (frame["ood"] == ood)].iterrows()
    return row


def test_the_table_is_what_scorers_and_metrics_give_by_hand(tmp_path):
    frame = table(out=tmp_path)
    assert list(frame.columns) == COLUMNS
    assert list(frame["ood"]) == ["near", "far"] * 6
    for row in frame.itertuples():
        name, _, setting = row.scorer.partition("(")
        scorer = SCORERS[name](**({"k": 10} if setting else {}))
        state = scorer.fit(SETS.train, SETS.head)
        inside = scorer.score(state, SETS.test)
        outside = scorer.score(state, SETS.oods[row.ood])
        predicted = predict(SETS.test, SETS.head)
        expected = compute_metrics(PairScores(inside, outside, predicted, SETS.test.labels))
        for metric in METRICS:
            assert getattr(row, metric) == pytest.approx(expected[metric], rel=1e-12)
        assert (row.n_id, row.n_ood) == (len(inside), len(outside))
        assert row.seconds >= 0
        assert row.reason is None or pd.isna(row.reason)


def test_scores_are_higher_for_in_distribution_and_give_the_metrics(tmp_path):
    frame = table(out=tmp_path)
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert list(scores.columns) == ["scorer", "set", "index", "score"]
    assert list(scores["set"].unique()) == ["id_test", "near", "far"]
    assert list(scores["scorer"].unique()) == list(frame["scorer"].unique())
    assert scores["score"].dtype == np.float64
    for (scorer, ood), row in frame.set_index(["scorer", "ood"]).iterrows():
        of_scorer = scores[scores["scorer"] == scorer]
        inside, outside = (of_scorer[of_scorer["set"] == name] for name in ("id_test", ood))
        for side, n in ((inside, row["n_id"]), (outside, row["n_ood"])):
            assert list(side["index"]) == list(range(n))
        values = np.concatenate([inside["score"], outside["score"]])
        truth = np.repeat([1, 0], [len(inside), len(outside)])
        assert roc_auc_score(truth, values) == pytest.approx(row["auroc"], rel=1e-12)
        for metric, positive, sign in (("aupr_in", truth, 1), ("aupr_out", 1 - truth, -1)):
            precision, recall, _ = precision_recall_curve(positive, sign * values)
            assert auc(recall, precision) == pytest.approx(row[metric], rel=1e-9)
            average = average_precision_score(positive, sign * values)
            assert average == pytest.approx(row[metric.replace("aupr", "ap")], rel=1e-9)
    far = frame[frame["ood"] == "far"].set_index("scorer")
    assert far.loc["mahalanobis", "auroc"] > 0.99
    assert far.loc["knn(k=10)", "auroc"] > 0.99


def test_metrics_csv_is_the_frame(tmp_path):
    frame = table(out=tmp_path, scorers=f"{SOME},knn(k=5000)")
    written = pd.read_csv(tmp_path / "metrics.csv")
    assert list(written.columns) == COLUMNS
    pd.testing.assert_frame_equal(
        written, frame.astype({"n_id": "float64", "n_ood": "float64"}), check_dtype=False
    )


def test_files_and_arrays_give_the_same_numbers(tmp_path, monkeypatch):
    save_sets(tmp_path, SETS, "logits")
    monkeypatch.chdir(tmp_path)
    files = table(
        id_train="train.npz",
        id_test=Path("test.npz"),
        id_val="val.npz",
        ood={"near": "near.npz", "far": "far.npz"},
        head="head.npz",
    )
    pd.testing.assert_frame_equal(files.drop(columns="seconds"), table().drop(columns="seconds"))


def test_logits_are_computed_from_the_head_where_there_are_none():
    bare = {name: only(bank) for name, bank in SETS.oods.items()}
    test = only(SETS.test, "labels")
    frame = table(id_train=only(SETS.train, "labels"), id_test=test, ood=bare)
    pd.testing.assert_frame_equal(frame.drop(columns="seconds"), table().drop(columns="seconds"))


def test_all_without_head_labels_or_logits_says_what_each_scorer_lacks():
    frame = table(
        id_train=SETS.train.features,
        id_test=SETS.test.features,
        ood={"near": SETS.near.features},
        id_val=None,
        head=None,
        scorers="all",
    )
    assert list(frame["scorer"]) == list(SCORERS)
    for row in frame.itertuples():
        needs = SCORERS[row.scorer].needs
        assert pd.isna(row.auroc) == bool(needs), row.scorer
        for need in needs:
            assert re.search(rf"needs (a |the )?{need}\b", row.reason), row.scorer
        if needs:
            assert all(pd.isna(getattr(row, column)) for column in NUMBERS)


def test_a_score_of_maps_names_its_pooled_form_which_is_pytorch_oods_of_one_position():
    frame = table(scorers="ash_s@pytorch_ood,ash_s_pooled@pytorch_ood")
    reason = one(frame, "ash_s@pytorch_ood")["reason"]
    assert "needs the network" in reason
    assert "ash_s_pooled@pytorch_ood is its form for pooled features" in reason
    assert one(frame, "ash_s_pooled@pytorch_ood")["auroc"] > 0


def test_all_gives_numbers_wherever_features_labels_and_head_suffice():
    frame = table(scorers="all")
    assert list(frame["scorer"].unique()) == list(SCORERS)
    for row in frame.itertuples():
        if not set(SCORERS[row.scorer].needs) - {"labels", "logits", "head"}:
            assert not str(row.reason).startswith("failed"), (row.scorer, row.reason)
            assert not str(row.reason).startswith("the scorer needs"), (row.scorer, row.reason)


def test_what_a_set_lacks_is_said_for_that_set_alone(tmp_path):
    frame = table(
        ood={"near": SETS.near, "far": only(SETS.far)},
        head=None,
        scorers="msp,mahalanobis,vim",
        out=tmp_path,
    )
    assert one(frame, "msp", "near")["auroc"] > 0
    assert one(frame, "msp", "far")["reason"] == "the scorer needs logits: far has no logits"
    assert one(frame, "mahalanobis", "far")["auroc"] > 0
    assert one(frame, "vim")["reason"] == "the scorer needs a head: none is given"
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert set(scores[scores["scorer"] == "msp"]["set"]) == {"id_test", "near"}
    assert "vim" not in set(scores["scorer"])


def test_a_scorer_that_learns_nothing_asks_nothing_of_train():
    frame = table(id_train=only(SETS.train), head=None, scorers="msp,kl_matching,mahalanobis")
    assert one(frame, "msp")["auroc"] > 0
    assert one(frame, "kl_matching")["reason"] == "the scorer needs logits: id_train has no logits"
    assert one(frame, "mahalanobis")["reason"] == "the scorer needs labels: id_train has no labels"


def test_the_reason_shows_what_the_file_has_instead(tmp_path):
    path = tmp_path / "train.npz"
    np.savez(path, features=SETS.train.features, label=SETS.train.labels)
    frame = table(id_train=path, scorers="mahalanobis")
    assert one(frame, "mahalanobis")["reason"] == (
        f"the scorer needs labels: {path} has no labels (it also holds 'label')"
    )


def test_an_undefined_number_has_a_reason_and_no_scores(tmp_path):
    frame = table(scorers="knn(k=5000),msp", out=tmp_path)
    row = one(frame, "knn(k=5000)")
    assert "no 5000-th neighbour" in row["reason"]
    # What is known without scores is there.
    assert row["id_accuracy"] == one(frame, "msp")["id_accuracy"]
    assert (row["n_id"], row["n_ood"]) == (len(SETS.test), len(SETS.near))
    assert all(pd.isna(row[name]) for name in METRICS if name != "id_accuracy")
    assert set(pd.read_parquet(tmp_path / "scores.parquet")["scorer"]) == {"msp"}


def test_without_validation_set_a_scorer_that_asks_for_one_learns_from_train(tmp_path):
    mine = {"user_scorers": {"where": Where}, "scorers": "where", "out": tmp_path}
    with_val = table(**mine)
    assert with_val["note"].isna().all()
    scores = pd.read_parquet(tmp_path / "scores.parquet")["score"].to_numpy()
    without = table(**mine, id_val=None)
    assert set(without["note"]) == {"fitted on ID train: there is no ID validation set"}
    assert without["reason"].isna().all()
    assert without["auroc"].notna().all()
    on_train = pd.read_parquet(tmp_path / "scores.parquet")["score"].to_numpy()
    np.testing.assert_allclose(scores - on_train, len(SETS.train) - len(SETS.val))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("fit", "ArithmeticError: a stone in the way"),
        ("exit", "SystemExit: 3"),
        ("shape", "float64 (90,), not an array of shape (89,)"),
    ],
)
def test_a_scorer_that_raises_takes_only_its_own_rows(tmp_path, trouble, said):
    scored = score(
        SETS.train,
        SETS.test,
        SETS.oods,
        scorers=f"knn,where(trouble={trouble}),msp",
        user_scorers={"where": Where},
        out=tmp_path,
    )
    reasons = {row.scorer: row.reason for row in scored.rows}
    reason = reasons.pop(f"where(trouble={trouble})")
    assert reason.startswith("failed: ")
    assert "user_scorers.py:" in reason
    assert f"scorer 'where(trouble={trouble})'" in reason
    assert reason.endswith(said)
    assert [row.metrics["auroc"] is None for row in scored.rows] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    (failure,) = scored.failures
    assert failure.scorer == f"where(trouble={trouble})"
    assert "Traceback" in failure.traceback
    assert set(pd.read_parquet(tmp_path / "scores.parquet")["scorer"]) == {"knn", "msp"}


PROGRAM = """\
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
import mood_sweeps as ms

@dataclass(frozen=True)
class First:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    scale: float = 1.0
    def fit(self, bank, head):
        return {}
    def score(self, state, bank):
        return self.scale * bank.features[:, 0]

x = np.arange(20.0).reshape(10, 2)
frame = ms.score_features(x, x, {"far": x - 100}, user_scorers={"first": First},
                          scorers=["first", {"first": {"scale": -1.0}}])
print(frame["auroc"].tolist())
"""


@pytest.mark.parametrize("how", ["file", "input"])
def test_classes_of_a_script_or_notebook_are_scorers(tmp_path, how):
    (tmp_path / "script.py").write_text(PROGRAM)
    command = [sys.executable, "script.py" if how == "file" else "-"]
    done = subprocess.run(command, cwd=tmp_path, input=PROGRAM, capture_output=True, text=True)
    assert done.stdout == "[1.0, 0.0]\n", done.stderr


def test_scores_that_are_no_numbers_are_undefined_for_their_set(tmp_path):
    frame = table(
        user_scorers={"where": Where},
        scorers=f"where(trouble=hole,hole_at={len(SETS.far)})",
        out=tmp_path,
        id_val=None,
    )
    assert frame["reason"].iloc[1] == "1 of 60 OOD scores are NaN or infinite"
    assert frame["auroc"].notna().tolist() == [True, False]
    assert set(pd.read_parquet(tmp_path / "scores.parquet")["set"]) == {"id_test", "near"}


def test_scores_are_written_whatever_their_layout(tmp_path):
    table(user_scorers={"where": Where}, scorers="where(trouble=strides),where", out=tmp_path)
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    strided, plain = (part["score"].to_numpy() for _, part in scores.groupby("scorer", sort=False))
    np.testing.assert_array_equal(strided, plain)


def test_threads_do_not_change_the_numbers():
    alone = table(threads=1).drop(columns="seconds")
    pd.testing.assert_frame_equal(alone, table().drop(columns="seconds"), rtol=1e-6)


def test_threads_are_limited_while_scorers_run():
    from threadpoolctl import threadpool_info

    seen = []

    def look(*_: object) -> None:
        seen.extend(pool["num_threads"] for pool in threadpool_info())

    score(SETS.train, SETS.test, SETS.oods, scorers="msp", threads=1, progress=look)
    assert set(seen) == {1}


def test_products_are_computed_on_the_device_that_is_asked_for(monkeypatch):
    used = []

    class Watched(torch_device.TorchDevice):
        def send(self, array):
            used.append(array)
            return super().send(array)

    alone = table().drop(columns="seconds")
    monkeypatch.setattr(torch_device, "cuda", lambda: Watched("cpu"))
    there = table(device="cuda").drop(columns="seconds")
    assert used
    pd.testing.assert_frame_equal(there, alone, rtol=1e-5)
    used.clear()
    table()
    assert not used


def test_progress_is_told_before_every_scorer():
    told: list[tuple[int, int, str]] = []
    score(
        SETS.train,
        SETS.test,
        SETS.oods,
        scorers="msp,knn(k=3)",
        progress=lambda *seen: told.append(seen),
    )
    assert told == [(0, 2, "msp"), (1, 2, "knn(k=3)")]


ALL = """\
import sys
import mood_sweeps.external_features.score_sets as it
it.score({train!r}, {test!r}, {{"near": {near!r}}}, head={head!r}, out={out!r})
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def test_running_every_scorer_imports_no_network_no_cluster_and_no_database(tmp_path):
    save_sets(tmp_path, SETS)
    paths = {name: str(tmp_path / f"{name}.npz") for name in ("train", "test", "near", "head")}
    script = ALL.format(**paths, out=str(tmp_path / "out"))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(run.stdout.split())
    assert "numpy" in imported
    assert not imported & {"torch", "timm", "ray", "mlflow", "sqlalchemy", "pandas", "matplotlib"}


def test_a_run_leaves_other_files_alone_and_replaces_its_own(tmp_path):
    (tmp_path / "notes.md").write_text("mine")
    table(out=tmp_path, scorers="msp,knn")
    first = os.stat(tmp_path / "metrics.csv").st_ino
    table(out=tmp_path, scorers="msp")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "metrics.csv",
        "notes.md",
        "scores.parquet",
    ]
    assert (tmp_path / "notes.md").read_text() == "mine"
    assert set(pd.read_csv(tmp_path / "metrics.csv")["scorer"]) == {"msp"}
    assert os.stat(tmp_path / "metrics.csv").st_ino != first


@pytest.mark.parametrize("existed", [True, False])
def test_an_interrupted_run_leaves_everything_as_it_was(tmp_path, existed):
    out = tmp_path / "out"
    if existed:
        table(out=out, scorers="msp")
    before = {path.name: path.read_bytes() for path in out.iterdir()} if existed else None

    def interrupt(done: int, *_: object) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(SETS.train, SETS.test, SETS.oods, scorers=SOME, out=out, progress=interrupt)
    after = {path.name: path.read_bytes() for path in out.iterdir()} if out.exists() else None
    assert after == before


def test_while_it_runs_the_old_results_are_there(tmp_path):
    table(out=tmp_path, scorers="msp")
    seen = []

    def look(*_: object) -> None:
        seen.append(set(pd.read_parquet(tmp_path / "scores.parquet")["scorer"]))

    score(SETS.train, SETS.test, SETS.oods, scorers="knn,energy", out=tmp_path, progress=look)
    assert seen == [{"msp"}, {"msp"}]
    assert set(pd.read_parquet(tmp_path / "scores.parquet")["scorer"]) == {"knn", "energy"}


@pytest.mark.parametrize("taken", ["scores.parquet", "metrics.csv"])
def test_a_folder_in_the_place_of_a_file_is_refused_before_any_work(tmp_path, taken):
    (tmp_path / taken).mkdir()
    with pytest.raises(ms.InputError, match=f"{taken} is a folder"):
        table(out=tmp_path)


def test_a_disk_that_is_full_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(ms.InputError, match="cannot be written: No space left"):
        table(out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_mapped_features_are_scored_as_loaded_ones_are(tmp_path):
    np.save(tmp_path / "train.npy", SETS.train.features)
    np.save(tmp_path / "labels.npy", SETS.train.labels)
    mapped = f"{tmp_path / 'train.npy'},labels={tmp_path / 'labels.npy'}"
    save(tmp_path / "test.npz", SETS.test, "labels")
    frame = table(id_train=mapped, id_test=tmp_path / "test.npz")
    pd.testing.assert_frame_equal(frame.drop(columns="seconds"), table().drop(columns="seconds"))


def test_texts_that_no_file_can_hold_are_written_as_escapes(tmp_path):
    table(scorers=[{"says": {"text": "b\ud800"}}], user_scorers={"says": Says}, out=tmp_path)
    written = pd.read_csv(tmp_path / "metrics.csv")
    assert written["scorer"].str.contains("ud800", regex=False).all()
    assert (written["note"] == "half \\ud800, and \\0").all()
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert set(scores["scorer"]) == set(written["scorer"])
