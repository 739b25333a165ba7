from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mood_sweeps.errors import DatabaseError
from mood_sweeps.identity import key_of
from mood_sweeps.metrics import METRICS, METRICS_DIGEST
from mood_sweeps.results.database import Database
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.write_results import Recorder
from mood_sweeps.store.process_identity import this_process
from tests.support.result_rows import add, cell, number


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    database = Database(f"sqlite:///{tmp_path}/results.db")
    database.prepare()
    yield Recorder(database)
    database.close()


def revision(recorder: Recorder, sweep: str, *names: str) -> tuple[int, bool]:
    rows = [cell(name) for name in names]
    return recorder.ensure_revision(sweep, key_of(list(names)), f"# {names}", "sweep.yaml", rows)


def select(recorder: Recorder, query: str) -> list[Any]:
    with recorder.database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_number_is_written_once_and_stays(recorder: Recorder) -> None:
    revision(recorder, "s", "msp")
    add(recorder, number("msp"))
    before = select(recorder, "select * from results")
    add(recorder, number("msp", seconds=9.0, created_at="later"), number("msp"))
    assert select(recorder, "select * from results") == before
    assert recorder.alarms == []


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("other", [0.7500000000000001, None])
def test_another_value_for_a_known_key_is_an_alarm_and_the_first_stays(
    recorder: Recorder, metric: str, other: float | None
) -> None:
    add(recorder, number("msp"))
    add(recorder, number("msp", **{metric: other}))
    (alarm,) = recorder.alarms
    assert metric in alarm
    assert "0.75" in alarm
    assert str(other) in alarm
    assert select(recorder, f"select {metric} from evaluations") == [(0.75,)]


def test_metrics_of_other_versions_are_no_alarm(recorder: Recorder) -> None:
    add(recorder, number("msp", ap_in=None, metrics_digest=None))
    add(recorder, number("msp"))
    assert recorder.alarms == []
    assert select(recorder, "select auroc, ap_in from evaluations") == [(0.75, None)]


def test_a_name_that_is_no_column_is_an_error(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="no column aurocc"):
        add(recorder, number("msp", aurocc=0.5))
    assert select(recorder, "select * from evaluations") == []


def test_missing_metrics_says_why_one_is_null(recorder: Recorder) -> None:
    revision(recorder, "s", "msp", "knn", "vim")
    evicted = {"autc": None, "metrics_state": "scores evicted"}
    add(recorder, number("msp"), number("knn", metrics_digest=None), number("vim", **evicted))
    found = select(recorder, "select scorer, missing_metrics from results order by scorer")
    assert found == [("knn", "not computed yet"), ("msp", None), ("vim", "scores evicted")]
    recorder.fill_metrics(
        [
            {
                "evaluation_key": key_of(["score", "knn"]),
                "autc": 0.1,
                "metrics_digest": METRICS_DIGEST,
            }
        ]
    )
    found = select(recorder, "select autc, missing_metrics from results where scorer = 'knn'")
    assert found == [(0.1, None)]


def test_another_environment_may_differ(recorder: Recorder) -> None:
    add(recorder, number("msp"))
    add(recorder, number("msp", auroc=0.7, environment="gpu"))
    assert recorder.alarms == []
    assert select(recorder, "select auroc from evaluations") == [(0.75,)]


def test_numbers_and_confusions_go_together(recorder: Recorder) -> None:
    undefined = number("knn", reason="no scores", confusion=None)
    add(recorder, number("msp"), {**undefined, **dict.fromkeys(METRICS)})
    ((key, table),) = select(recorder, "select * from confusions")
    assert key == key_of(["score", "msp"])
    assert json.loads(table)["accepted"] == [[1, 2, 3], [4, 5, 6]]


def test_more_rows_than_a_statement_takes(recorder: Recorder) -> None:
    names = [f"s{index}" for index in range(1300)]
    revision_id, _ = revision(recorder, "s", *names)
    add(recorder, *(number(name) for name in names[:1200]))
    add(recorder, *(number(name) for name in names))
    assert select(recorder, "select count(*) from evaluations") == [(1300,)]
    assert Results(recorder.database).evaluated(key_of(["score", n]) for n in names) == {
        key_of(["score", n]) for n in names
    }
    with recorder.database.writing() as connection:
        keys = [key_of(["score", name]) for name in names]
        recorder.mark_cells(connection, revision_id, keys, "failed", "why")
    assert select(recorder, "select count(*) from cells where status = 'failed'") == [(1300,)]
    assert recorder.alarms == []


def test_an_unknown_confusion_cannot_be_written(recorder: Recorder) -> None:
    def orphan() -> None:
        with recorder.database.writing() as connection:
            connection.execute(text("insert into confusions values ('unknown', '{}')"))

    with pytest.raises(DatabaseError, match="FOREIGN KEY"):
        orphan()


def test_a_moved_or_commented_experiment_is_no_new_revision_but_is_remembered(
    recorder: Recorder,
) -> None:
    first, _ = revision(recorder, "s", "msp")
    digest = key_of(["msp"])
    again = recorder.ensure_revision("s", digest, "# a comment", "elsewhere.yaml", [])
    assert again == (first, False)
    assert select(recorder, "select yaml, file from revisions") == [
        ("# a comment", "elsewhere.yaml")
    ]
    assert shown(recorder) == ["msp"]


def test_revisions_come_go_and_come_back(recorder: Recorder) -> None:
    a, new = revision(recorder, "s", "msp", "knn")
    assert new
    assert revision(recorder, "s", "msp", "knn") == (a, False)
    b, new = revision(recorder, "s", "msp")
    assert new
    assert b != a
    assert shown(recorder) == ["msp"]
    assert revision(recorder, "s", "msp", "knn") == (a, True)  # current again, nothing doubled
    assert shown(recorder) == ["knn", "msp"]
    assert revision(recorder, "s", "msp", "knn") == (a, False)
    other, _ = revision(recorder, "t", "msp")
    assert other not in (a, b)
    assert select(recorder, "select sweep, count(*) from results group by sweep") == [
        ("s", 2),
        ("t", 1),
    ]
    history = "select revision, count(*) from results_all group by revision order by revision"
    assert select(recorder, history) == [(a, 2), (b, 1), (other, 1)]


def shown(recorder: Recorder) -> list[str]:
    query = "select scorer from results where sweep = 's' order by scorer"
    return [row[0] for row in select(recorder, query)]


def test_one_number_serves_every_sweep_that_asks_for_it(recorder: Recorder) -> None:
    revision(recorder, "s", "msp")
    revision(recorder, "t", "msp", "knn")
    add(recorder, number("msp"))
    query = "select sweep, scorer, status, auroc from results order by sweep, scorer"
    assert select(recorder, query) == [
        ("s", "msp", "done", 0.75),
        ("t", "knn", "pending", None),
        ("t", "msp", "done", 0.75),
    ]


def test_failures_are_shown_until_forgotten_or_overcome(recorder: Recorder) -> None:
    id_, _ = revision(recorder, "s", "msp", "knn", "vim")
    with recorder.database.writing() as connection:
        recorder.mark_cells(connection, id_, [key_of(["score", "msp"])], "failed", "broke")
        recorder.mark_cells(connection, id_, [key_of(["score", "knn"])], "skipped", "x failed")
    query = "select scorer, status, reason from results order by scorer"
    assert select(recorder, query) == [
        ("knn", "skipped", "x failed"),
        ("msp", "failed", "broke"),
        ("vim", "pending", None),
    ]
    add(recorder, number("msp"))
    assert select(recorder, query)[1] == ("msp", "done", None)
    recorder.forget_failures(id_)
    assert select(recorder, query)[0] == ("knn", "pending", None)


def test_other_bytes_of_a_known_stage_are_an_alarm(recorder: Recorder) -> None:
    row = {
        "key": key_of("stage"),
        "kind": "pretrain",
        "label": "mim on vit_nano",
        "digest": "1" * 64,
        "bytes": 3 * 2**31,
        "seconds": 1.0,
        "environment": "cpu",
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    with recorder.database.writing() as connection:
        recorder.add_stages(connection, [row, row])
        recorder.add_stages(connection, [row, {**row, "digest": "2" * 64, "environment": "gpu"}])
    assert recorder.alarms == []
    with recorder.database.writing() as connection:
        recorder.add_stages(connection, [{**row, "digest": "3" * 64}])
    (alarm,) = recorder.alarms
    assert "mim on vit_nano" in alarm
    assert select(recorder, "select digest, bytes from stages") == [("1" * 64, 3 * 2**31)]


def begin(recorder: Recorder) -> int:
    id_, _ = revision(recorder, "s", "msp")
    return recorder.begin_launch(id_, "inline", this_process().as_dict(), "1 cell", 2)


def attempt(recorder: Recorder, launch: int, key: str = "score-x", number: int = 1) -> int:
    row = {
        "call_key": key,
        "kind": "score",
        "label": "mim",
        "method": "score",
        "units": 4,
        "number": number,
    }
    return recorder.begin_attempt(launch, row)


def end(recorder: Recorder, attempt: int, **changes: Any) -> None:
    row = {"worker": "w", "seconds": 2.0, "outcome": "done", "error": None, "traceback": None}
    with recorder.database.writing() as connection:
        recorder.end_attempt(connection, attempt, row | changes)


def test_a_launch_and_its_attempts_are_told_from_start_to_end(recorder: Recorder) -> None:
    results = Results(recorder.database)
    launch = begin(recorder)
    (row,) = results.launches(open_only=True)
    assert (row["id"], row["sweep"], row["n_cells"], row["outcome"]) == (launch, "s", 1, None)
    first = attempt(recorder, launch)
    end(recorder, first, outcome="failed", error="ValueError: no", traceback="Traceback …")
    second = attempt(recorder, launch, number=2)
    end(recorder, second)
    attempt(recorder, launch, "score-y")
    with recorder.database.writing() as connection:
        recorder.end_launch(connection, launch, "interrupted")
    assert [(row["number"], row["outcome"]) for row in results.attempts(launch)] == [
        (1, "failed"),
        (2, "done"),
        (1, "abandoned"),
    ]
    assert all(row["ended_at"] for row in results.attempts(launch))
    assert results.launches(open_only=True) == []
    with recorder.database.writing() as connection:
        recorder.end_launch(connection, launch, "killed")  # too late
    assert results.launches()[0]["outcome"] == "interrupted"
    failure = results.last_failure("score-x")
    assert failure is not None
    assert failure["traceback"] == "Traceback …"
    assert results.last_failure("score-y") is None


def test_measured_seconds_are_of_what_was_done(recorder: Recorder) -> None:
    launch = begin(recorder)
    for seconds, outcome in ((2.0, "done"), (6.0, "done"), (99.0, "failed"), (0.0, "reused")):
        end(recorder, attempt(recorder, launch), seconds=seconds, outcome=outcome)
    assert Results(recorder.database).seconds_per_unit() == {("score", "score"): 1.0}
