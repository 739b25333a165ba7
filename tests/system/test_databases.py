"""Two launches at once on one store and one database, SQLite or a real PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine, inspect, text

from mood_sweeps.identity import key_of
from mood_sweeps.metrics import METRICS
from mood_sweeps.results.database import Database
from mood_sweeps.results.write_results import Recorder
from tests.support.command_line import Driven, mood_sweep
from tests.support.workspace_contents import Facts

pytestmark = pytest.mark.system

SEEDS = "axes.seed=[1, 2]"
AROUND = {
    "id_accuracy_from": "head", "n_id": 360, "n_ood": 720, "seconds": 0.01, "object_key": "a" * 64,
    "input_digest": "b" * 64, "environment": "cpu", "created_at": "2026-01-01T00:00:00+00:00",
    "confusion": {"accepted": [[1]]},
}  # fmt: skip
SHARED = ("cell_key", "pretext", "scorer", "ood_set", "seed", "auroc", "fpr95", "id_accuracy")


def at_once(folder: Path, *options: str, executor: str = "inline") -> tuple[str, str]:
    """Launch the small sweep and one that shares half of its seeds; return what they printed."""
    one = ("launch", "small.yaml", *options)
    other = ("launch", "small.yaml", "--set", SEEDS, *options)
    with (
        Driven(folder, *one, "--executor", executor) as first,
        Driven(folder, *other, "--executor", "inline") as second,
    ):
        assert first.wait() == 0, first.output
        assert second.wait() == 0, second.output
        return first.output, second.output


def numbers(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(frame[list(SHARED)].itertuples(index=False, name=None), key=repr)


def test_two_launches_at_once_do_nothing_twice(folder: Path, undisturbed: Facts) -> None:
    facts = Facts(folder / ".mood")
    said = at_once(folder, executor="ray")
    assert all("ALARM" not in output for output in said)
    assert facts.done_more_than_once() == []
    assert set(facts.outcomes()) <= {"done", "reused"}
    done = facts.rows("select kind, count(distinct call_key) from attempts group by kind")
    assert dict(done) == {"pretrain": 12, "finetune": 12, "extract": 24, "score": 24}
    assert facts.left_overs() == []
    assert facts.count("outbox", "done_at is null") == 0
    assert set(facts.mlflow_runs().values()) == {1}
    query = f"select {', '.join(SHARED)}, sweep from results_all where seed < 2"
    with sqlite3.connect(facts.home / "results.db") as connection:
        both = pd.read_sql_query(query, connection)
    with sqlite3.connect(undisturbed.home / "results.db") as connection:
        expected = pd.read_sql_query(query, connection)
    # Seed 1 is in both revisions.
    assert set(numbers(both)) == set(numbers(expected))
    assert len(both) == len(expected) * 3 // 2


def test_teams_share_a_postgresql_database(folder: Path, undisturbed: Facts, postgres: str) -> None:
    place = ("--database", postgres)
    said = at_once(folder, "--no-mlflow", *place)
    assert all("ALARM" not in output for output in said)

    def ask(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in pd.read_sql(query, postgres).itertuples(index=False)]

    again = "select call_key from attempts where outcome = 'done' group by 1 having count(*) > 1"
    assert ask(again) == []
    # The file's own revision becomes the current one again, if it is not.
    code, output = mood_sweep(folder, "launch", "small.yaml", "--no-mlflow", *place)
    assert code == 0, output
    assert "0 stages run" in output
    with sqlite3.connect(undisturbed.home / "results.db") as connection:
        expected = pd.read_sql_query("select * from results", connection)
    found = pd.read_sql("select * from results", postgres)
    assert numbers(found) == numbers(expected)
    assert list(found.columns) == list(expected.columns)
    floats = expected.select_dtypes("float").columns
    assert (found[floats].dtypes == "float64").all()

    tables = set(inspect(create_engine(postgres)).get_table_names())
    assert {"sweeps", "cells", "evaluations", "attempts", "outbox", "alembic_version"} <= tables
    assert set(inspect(create_engine(postgres)).get_view_names()) == {"results", "results_all"}

    verbs(folder, place, len(found))


CSV = ("--format", "csv", "--out")


def verbs(folder: Path, place: tuple[str, ...], n_cells: int) -> None:
    """Every reading verb works on this database."""
    code, output = mood_sweep(folder, "status", "small", "--json", *place)
    assert code == 0, output
    assert json.loads(output)[0]["cells"] == {"done": n_cells}
    filters = ("--scorer", "knn", "--scorer", "msp", "--seed", "1", "--distance", "near")
    code, output = mood_sweep(folder, "results", *CSV, "chosen.csv", *filters, *place)
    assert code == 0, output
    chosen = pd.read_csv(folder / "chosen.csv")
    assert set(chosen["scorer"]) == {"knn", "msp"}
    assert set(chosen["seed"]) == {1}
    assert set(chosen["distance"]) == {"near"}
    code, output = mood_sweep(folder, "explain", chosen["cell_key"][0][:12], *place)
    assert code == 0, output
    assert "its row is in the database" in output
    code, output = mood_sweep(folder, "report", "small", "--out", "report", *place)
    assert code == 0, output


def test_a_connection_does_not_stay_with_what_it_knew_of_empty_tables(postgres: str) -> None:
    database = Database(postgres.replace("postgresql://", "postgresql+psycopg://"))
    database.prepare()
    database.refresh_statistics()  # as at the beginning of every first launch
    recorder = Recorder(database)
    count, size = 5000, 100
    numbers = [
        dict.fromkeys(METRICS, 0.5) | AROUND | {"evaluation_key": key_of(n)} for n in range(count)
    ]
    for start in range(0, count, size):
        with database.writing() as connection:
            recorder.add_evaluations(connection, numbers[start : start + size])
    database.close()  # a session tells what it has read when it ends
    read = "select seq_tup_read from pg_stat_user_tables where relname = 'evaluations'"
    engine = create_engine(postgres)
    with engine.connect() as connection:
        connection.execute(text("select pg_stat_clear_snapshot()"))
        (rows,) = connection.execute(text(read)).one()
    # While it is small, reading all of a table is right; for each row of 5,000 it is 12 million.
    assert rows < 100 * count
