"""Reports written into a folder, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mood_sweeps.aggregation.report import write_report

__all__ = ["report_of", "section", "text_of"]

PROVENANCE = {"database": "results.db", "revision": "3"}


def report_of(
    results: pd.DataFrame,
    confusions: pd.DataFrame,
    folder: Path,
    families: Mapping[str, str] | None = None,
) -> str:
    """Write a report; return its text."""
    write_report(
        results, confusions, folder, title="A question", provenance=PROVENANCE, families=families
    )
    return text_of(folder)


def text_of(folder: Path) -> str:
    """Return the text of the report in a folder."""
    return (folder / "report.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands under a heading."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
