"""The files of a report, figures included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mood_sweeps.aggregation.report import write_report
from tests.support.written_reports import PROVENANCE, report_of, text_of


@pytest.fixture(scope="module")
def written(few_full_results, few_confusions, families, tmp_path_factory) -> list[Path]:
    """Return the files of a report, in a folder that did not exist."""
    return write_report(
        few_full_results,
        few_confusions,
        tmp_path_factory.mktemp("reports") / "new" / "report",
        title="A question",
        provenance=PROVENANCE,
        families=families,
    )


def test_a_full_report_holds_together(written):
    assert sorted(written) == sorted(written[0].parent.iterdir())
    text = written[-1].read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)]+)\)", text)
    assert {*linked} == {path.name for path in written[:-1]}
    assert text.startswith("# A question\n")
    assert "444 cells: 444 done." in text
    assert "Every cell is done and has a value." in text
    assert "- database: results.db\n- revision: 3\n" in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)


def test_the_same_frames_give_the_same_bytes(
    written, few_results, few_confusions, families, tmp_path
):
    report_of(few_results, few_confusions, tmp_path, families)
    again = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert again == {path.name: path.read_bytes() for path in written}


@pytest.mark.usefixtures("without_pixels")
def test_the_order_of_rows_changes_nothing_that_a_reader_sees(
    written, few_results, few_confusions, families, tmp_path
):
    shuffled = [frame.sample(frac=1.0, random_state=1) for frame in (few_results, few_confusions)]
    # Sums may differ in the last bit with the order of rows.
    assert report_of(*shuffled, tmp_path, families) == text_of(written[0].parent)
