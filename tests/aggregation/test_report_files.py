"""The files of a report, figures included."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from mood_sweeps.aggregation.report import write_report

SCORERS = {"msp", "mahalanobis", "knn(k=10)"}
PROVENANCE = {"database": "results.db", "revision": "3"}


@pytest.fixture
def few_results(full_results: pd.DataFrame) -> pd.DataFrame:
    """444 cells, 74 of them near: three scorers keep the figures quick to draw."""
    return full_results[full_results["scorer"].isin(SCORERS)].reset_index(drop=True)


@pytest.fixture
def few_confusions(full_confusions: pd.DataFrame) -> pd.DataFrame:
    return full_confusions[full_confusions["scorer"].isin(SCORERS)].reset_index(drop=True)


def _report(results, confusions, folder: Path, families=None) -> str:
    write_report(
        results, confusions, folder, title="A question", provenance=PROVENANCE, families=families
    )
    return (folder / "report.md").read_text(encoding="utf-8")


def _section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_a_full_report_holds_together(few_results, few_confusions, families, tmp_path):
    paths = write_report(
        few_results,
        few_confusions,
        tmp_path / "new" / "report",
        title="A question",
        provenance=PROVENANCE,
        families=families,
    )
    assert sorted(paths) == sorted((tmp_path / "new" / "report").iterdir())
    text = paths[-1].read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)]+)\)", text)
    assert {*linked} == {path.name for path in paths[:-1]}
    assert text.startswith("# A question\n")
    assert "444 cells: 444 done." in text
    assert "Every cell is done and has a value." in text
    assert "- database: results.db\n- revision: 3\n" in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)


def test_the_same_frames_give_the_same_bytes(few_results, few_confusions, families, tmp_path):
    shuffled = few_results.sample(frac=1.0, random_state=1)
    contents = []
    for folder, frame in ((tmp_path / "a", few_results), (tmp_path / "b", few_results.copy())):
        _report(frame, few_confusions, folder, families)
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]
    # Sums may differ in the last bit with the order of rows; what a reader sees may not.
    text = _report(shuffled, few_confusions.sample(frac=1.0, random_state=1), tmp_path / "c")
    assert text == _report(few_results, few_confusions, tmp_path / "d")
