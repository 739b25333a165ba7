from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mood_sweeps.identity import key_of
from mood_sweeps.metrics import METRICS
from mood_sweeps.results.database import Database
from mood_sweeps.results.outbox import Outbox, RunKey
from mood_sweeps.results.read_results import FILTERS, Results
from mood_sweeps.results.write_results import Recorder
from tests.support.result_rows import add, cell, number

# What a person's own pandas is promised, in the order promised.
COLUMNS = [
    "sweep",
    "cell_key",
    "pretext",
    "backbone",
    "finetune",
    "scorer",
    "id_set",
    "ood_set",
    "distance",
    "seed",
    "status",
    "reason",
    "evaluation_key",
    "representation_key",
    "auroc",
    "auroc_low",
    "auroc_high",
    "fpr95",
    "fpr95_ood_positive",
    "aupr_in",
    "aupr_out",
    "ap_in",
    "ap_out",
    "detection_error",
    "autc",
    "oscr",
    "ccr_at_fpr05",
    "id_accuracy",
    "missing_metrics",
    "n_id",
    "n_ood",
    "note",
    "seconds",
    "mlflow_run_id",
    "created_at",
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/results.db"


@pytest.fixture
def results(url: str) -> Iterator[Results]:
    """Two sweeps; of the first, msp is done, knn undefined, vim failed, energy not begun."""
    database = Database(url)
    database.prepare()
    recorder = Recorder(database)
    far = {"distance": "far", "ood_set": "photos", "seed": 1}
    rows = [cell("msp"), cell("knn"), cell("vim"), cell("energy", **far)]
    first, _ = recorder.ensure_revision("s", key_of("s"), "", "s.yaml", rows)
    recorder.ensure_revision("t", key_of("t"), "", "t.yaml", [cell("msp")])
    undefined = {**number("knn", reason="40 of 40 ID scores are NaN", confusion=None)}
    add(recorder, number("msp"), undefined | dict.fromkeys(METRICS))
    with database.writing() as connection:
        recorder.mark_cells(connection, first, [key_of(["score", "vim"])], "failed", "broke")
    place = RunKey("s", key_of("representation"), "digits:0-5", "digits:6-9")
    Outbox(database).remember_run(place, "run-1")
    yield Results(database)
    database.close()


def test_the_frame_has_the_promised_columns(results: Results, url: str) -> None:
    frame = results.frame()
    assert [name for name in frame.columns if name != "id_accuracy_from"] == COLUMNS
    own = pd.read_sql("select * from results", url)
    assert set(own.columns) == set(frame.columns)
    assert len(own) == len(frame) == 5
    assert own["cell_key"].groupby(own["sweep"]).nunique().to_dict() == {"s": 4, "t": 1}


def test_what_has_no_number_says_why(results: Results) -> None:
    frame = results.frame(sweep="s").set_index("scorer")
    assert frame["status"].to_dict() == {
        "msp": "done",
        "knn": "done",
        "vim": "failed",
        "energy": "pending",
    }
    assert frame["reason"].dropna().to_dict() == {
        "knn": "40 of 40 ID scores are NaN",
        "vim": "broke",
    }
    assert frame["auroc"].notna().to_dict() == {
        "msp": True,
        "knn": False,
        "vim": False,
        "energy": False,
    }


def test_types_are_what_arithmetic_needs(results: Results) -> None:
    frame = results.frame()
    assert frame["seed"].dtype == "Int64"
    assert all(pd.api.types.is_float_dtype(frame[metric]) for metric in METRICS)
    assert frame["auroc"].max() == 0.75


def test_mlflow_runs_are_joined_in_by_pair_and_sweep(results: Results) -> None:
    frame = results.frame()
    with_run = frame[frame["mlflow_run_id"] == "run-1"]
    assert set(zip(with_run["sweep"], with_run["scorer"], strict=True)) == {
        ("s", "msp"),
        ("s", "knn"),
        ("s", "vim"),
    }


@pytest.mark.parametrize(
    ("filters", "scorers"),
    [
        ({"sweep": "t"}, ["msp"]),
        ({"scorer": ["msp", "knn"]}, ["knn", "msp", "msp"]),
        ({"scorer": ["msp", "knn"], "sweep": "s"}, ["knn", "msp"]),
        ({"distance": "far"}, ["energy"]),
        ({"seed": 1}, ["energy"]),
        ({"seed": [0, 1], "sweep": ["s"], "status": "failed"}, ["vim"]),
        ({"ood_set": "photos", "distance": "near"}, []),
        ({"scorer": []}, []),
        ({"scorer": "msp'; drop table cells; --"}, []),
    ],
)
def test_filters_narrow(results: Results, filters: dict[str, Any], scorers: list[str]) -> None:
    assert sorted(results.frame(**filters)["scorer"]) == scorers
    assert len(results.frame()) == 5


def test_an_unknown_filter_is_refused_by_name(results: Results) -> None:
    with pytest.raises(ValueError, match="no filter auroc; allowed: sweep, pretext"):
        results.frame(auroc="x")
    assert set(FILTERS) <= {*COLUMNS, "revision"}


def test_history_has_every_revision(results: Results) -> None:
    recorder = Recorder(results.database)
    recorder.ensure_revision("t", key_of("t2"), "", "t.yaml", [cell("knn")])
    assert list(results.frame(sweep="t")["scorer"]) == ["knn"]
    history = results.frame(history=True, sweep="t")
    assert sorted(history["scorer"]) == ["knn", "msp"]
    assert history["revision"].nunique() == 2
    assert {"revision", "revision_digest"} < set(history.columns)


def test_confusions_are_tidy(results: Results) -> None:
    frame = results.confusions(sweep="s")
    assert len(frame) == 2 * 3
    assert frame["accepted"].tolist() == [1, 2, 3, 4, 5, 6]
    assert frame["ood_class"].tolist() == ["6"] * 3 + ["7"] * 3
    assert frame["id_class"].tolist() == ["0", "1", "2"] * 2
    assert frame["n_ood_class"].tolist() == [20] * 3 + [30] * 3
    assert set(frame["scorer"]) == {"msp"}
    empty = results.confusions(scorer="vim")
    assert list(empty.columns) == list(frame.columns)
    assert len(empty) == 0


def test_a_revisions_cells_are_counted_by_status(results: Results) -> None:
    assert results.status_counts(1) == {"done": 2, "failed": 1, "pending": 1}
    assert results.status_counts(2) == {"done": 1}
    assert results.status_counts(3) == {}


def test_an_empty_database_is_an_empty_frame(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    database.prepare()
    frame = Results(database).frame()
    assert len(frame) == 0
    assert set(COLUMNS) < set(frame.columns)
    database.close()
