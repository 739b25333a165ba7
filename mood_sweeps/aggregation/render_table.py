"""A table as Markdown, plain text or CSV."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd

__all__ = ["fitted", "percent", "to_csv", "to_markdown", "to_text"]


def to_markdown(table: pd.DataFrame) -> str:
    """Return a Markdown table; its strings appear as they are, numbers are not re-read."""
    escaped = table.map(_escaped).rename(columns=_escaped)
    return escaped.to_markdown(index=False, disable_numparse=True, colalign=_alignment(table))


def to_text(table: pd.DataFrame, width: int | None = None) -> str:
    """Return a table for a terminal, turned on its side where only that fits ``width`` columns."""
    shown = table if width is None else fitted(table, width)
    return shown.to_markdown(
        index=False, tablefmt="simple", disable_numparse=True, colalign=_alignment(shown)
    )


def to_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV: UTF-8, numbers in full precision, missing values empty."""
    table.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def percent(fraction: float, digits: int = 1) -> str:
    """Return a fraction as a percentage without its sign; "–" where there is none."""
    return "–" if pd.isna(fraction) else f"{100 * fraction:.{digits}f}"


def fitted(table: pd.DataFrame, width: int, gap: int = 2) -> pd.DataFrame:
    """Return a display table of strings, transposed where it is too wide and its transpose fits.

    Only a table with one label column can be turned: its labels become the header. gap: blanks
    between two columns.
    """
    if _width(table, gap) <= width or not len(table):
        return table
    label, *values = table.columns
    turned = table.set_index(label)[values].T
    turned.columns.name = None
    turned.insert(0, "", turned.index)
    turned = turned.reset_index(drop=True)
    return turned if _width(turned, gap) <= width else table


def _alignment(table: pd.DataFrame) -> list[str] | None:
    """Return one alignment per column: numbers to the right; None for a table without rows."""
    if table.empty:
        return None
    return ["right" if pd.api.types.is_numeric_dtype(kind) else "left" for kind in table.dtypes]


def _width(table: pd.DataFrame, gap: int) -> int:
    columns = [max(map(_cells, [name, *table[name]])) for name in table.columns]
    return sum(columns) + gap * (len(columns) - 1)


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in str(text))


def _escaped(text: object) -> str:
    return " ".join(str(text).replace("|", "\\|").split())
