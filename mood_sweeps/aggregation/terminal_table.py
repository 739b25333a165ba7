"""A display table as a rich table, for the end of a launch."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mood_sweeps.aggregation.render_table import fitted

__all__ = ["BEST", "rich_table"]

BEST = ("*", "*")
"""The marks for ``pivot(…, mark_best=BEST)`` that ``rich_table`` turns into bold green."""


def rich_table(table: pd.DataFrame, title: str, *, labels: int = 1, width: int = 80) -> Group:
    """Return a display table (all strings, as ``pivot`` gives) for a terminal ``width`` wide.

    The title stands above it on a line of its own: rich's would wrap to a narrow table's width.

    labels: how many of the first columns are labels (left-aligned). Values between the marks
    ``BEST`` are bold; incomplete ones ("… of …") are yellow. A table with one label column is
    turned on its side where only that fits.
    """
    shown = fitted(table, width - 2, gap=3) if labels == 1 else table
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(shown.columns):
        is_label = position < labels
        drawn.add_column(
            Text(str(name)),
            justify="left" if is_label else "right",
            no_wrap=is_label,
            overflow="fold",
        )
    for values in shown.itertuples(index=False):
        drawn.add_row(*(_styled(str(value)) for value in values))
    return Group(Text(title, style="italic"), drawn)


def _styled(value: str) -> Text:
    before, after = BEST
    if value.startswith(before) and value.endswith(after):
        return Text(value.removeprefix(before).removesuffix(after), style="bold green")
    return Text(value, style="yellow" if " of " in value else "")
