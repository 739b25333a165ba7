from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from mood_sweeps.aggregation.comparative_table import comparative_table, pivot
from mood_sweeps.aggregation.render_table import fitted, percent, to_csv, to_markdown, to_text
from mood_sweeps.aggregation.terminal_table import BEST, rich_table


def test_markdown_keeps_strings_and_escapes_pipes():
    table = pd.DataFrame({"a|b": ["1.50", "x | y\nz"], "n": [3, 10]})
    lines = to_markdown(table).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split(" | ")] == ["1.50", "3"]
    assert "x \\| y z" in lines[3]
    assert "a\\|b" in lines[0]
    assert lines[1].endswith(":|")


def test_an_empty_table_is_only_a_header():
    assert "reason" in to_markdown(pd.DataFrame(columns=["status", "reason"]))


def test_csv_reads_back_exactly(full_results, tmp_path):
    table = comparative_table(full_results)
    to_csv(table, tmp_path / "table.csv")
    read = pd.read_csv(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read, table, check_dtype=False, check_exact=True)


def test_a_wide_table_is_turned_only_where_that_helps(full_results):
    shown = pivot(comparative_table(full_results, ("pretext",)))
    turned = fitted(shown, 80)
    assert list(turned.columns) == ["", "classification", "mim", "mocov3", "random"]
    assert list(turned[""]) == list(shown.columns[1:])
    assert turned.set_index("").loc["vim", "mim"] == shown.set_index("pretext").loc["mim", "vim"]
    assert fitted(shown, 300) is shown
    assert fitted(shown, 20) is shown
    assert max(map(len, to_text(shown, 80).splitlines())) <= 80


def test_percent():
    assert percent(0.97345) == "97.3"
    assert percent(float("nan")) == "–"


@pytest.mark.parametrize("width", [80, 120, 160, 200])
def test_the_terminal_table_fits_and_marks_the_best(full_results, families, width):
    table = comparative_table(full_results, ("pretext",), distance="near", families=families)
    drawn = rich_table(pivot(table, mark_best=BEST), "AUROC, near-OOD (%)", width=width)
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=False).print(drawn)
    text = stream.getvalue()
    assert "AUROC, near-OOD (%)" in text
    assert all(scorer in text for scorer in families if scorer != "knn")
    assert "…" not in text
    assert "*" not in text
    assert max(map(len, text.splitlines())) <= width
