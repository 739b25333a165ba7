from __future__ import annotations

import pandas as pd


def test_results_filters_and_formats(say, launched_home, tmp_path):
    said = say(launched_home, "results", "--scorer", "knn", "--format", "csv")
    lines = said.out.strip().splitlines()
    assert len(lines) == 1 + 4
    table = say(launched_home, "results", "--distance", "near")
    assert "3 rows" in table.out
    target = tmp_path / "results.parquet"
    assert say(launched_home, "results", "--format", "parquet", "--out", str(target)).code == 0
    frame = pd.read_parquet(target)
    database = f"sqlite:///{launched_home}/.mood/results.db"
    expected = pd.read_sql("select * from results", database)
    assert set(zip(frame["cell_key"], frame["auroc"], strict=True)) == set(
        zip(expected["cell_key"], expected["auroc"], strict=True)
    )


def test_results_written_as_a_table_are_those_printed(say, launched_home, tmp_path):
    printed = say(launched_home, "results", "--scorer", "knn").out.splitlines()
    said = say(launched_home, "results", "--scorer", "knn", "--out", str(tmp_path / "table.txt"))
    assert (said.code, said.out) == (0, "")
    assert said.err == f"4 rows written to {tmp_path / 'table.txt'}\n"
    text = (tmp_path / "table.txt").read_text()
    assert text.endswith("\n")
    rows = [line.split() for line in printed if "resnet_nano" in line]
    assert len(rows) == 4
    assert [line.split() for line in text.splitlines() if "resnet_nano" in line] == rows


def test_results_refuses_an_unknown_column(say, launched_home):
    said = say(launched_home, "results", "--columns", "aurok")
    assert said.code == 2
    assert "did you mean 'auroc'" in said.err


def test_results_names_a_value_that_no_row_has(say, launched_home):
    said = say(launched_home, "results", "--scorer", "knnn")
    assert said.code == 2
    assert "no row has scorer 'knnn'; did you mean 'knn'" in said.err
    # A status is known even where nothing has it: nothing failed is an answer.
    assert say(launched_home, "results", "--status", "failed").out.endswith("0 rows\n")


def test_results_are_in_the_order_of_their_labels(say, launched_home):
    lines = say(launched_home, "results", "--scorer", "knn").out.splitlines()[2:6]
    labels = [line.split()[:6] for line in lines]
    near, far = ["digits:6-9", "near"], ["gaussian", "far"]
    start = [
        [pretext, "resnet_nano", "pt", "knn"] for pretext in ("classification(epochs=1)", "random")
    ]
    assert labels == [[*begin, *pair] for begin in start for pair in (near, far)]
