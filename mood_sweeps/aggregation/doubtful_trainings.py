"""Trainings that learned nothing: which they are, and which averages they are in.

What a training found in its own curves is in the note of every row behind it. Whether a seed is far
below the others of its configuration depends on which seeds a sweep has, so that is found here,
where it is read, and in no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    check_axes,
    distinct_cells,
    single_networks,
    sort_by_axes,
)
from mood_sweeps.aggregation.render_table import percent, to_markdown
from mood_sweeps.aggregation.report_folder import ReportFolder
from mood_sweeps.note import doubt_about, doubts_in, parts_of

__all__ = ["doubtful_averages", "doubtful_section", "doubtful_trainings"]

_GAP = 0.10
_GAP_OF_TWO = 0.20
_DEVIATIONS = 4.0
_MOST_LINES = 20
_PLACE = ["id_set", *REPRESENTATION]
_HOW_TO_READ = f"""\
These trainings diverged or learned nothing, by their own curves, or by a rule over seeds: ID
accuracy at least {percent(_GAP, 0)} points, and {_DEVIATIONS:.0f} standard deviations, below the
median of the other seeds ({percent(_GAP_OF_TWO, 0)} points where there is one other only). Their
cells are in all averages and differences; a line below a table says in which averages."""


def doubtful_trainings(results: pd.DataFrame) -> pd.DataFrame:
    """Return one line per doubtful training: which it is, what is wrong, how much rests on it.

    Columns: ``training``, ``finding`` and how many ``cells`` are behind it.
    """
    doubts = _with_doubts(distinct_cells(results))["doubts"].explode().dropna()
    lines = [(*parts_of(doubt), n) for doubt, n in sorted(Counter(doubts).items())]
    return pd.DataFrame(lines, columns=["training", "finding", "cells"])


def doubtful_averages(
    results: pd.DataFrame,
    rows: Sequence[str] = ("pretext", "finetune"),
    columns: Sequence[str] = ("scorer",),
    distance: str | None = None,
    *,
    families: Families | None = None,
) -> list[str]:
    """Return a sentence that names the lines of a table with doubtful trainings in their averages.

    Arguments as for ``comparative_table``. Empty where no cell of the table rests on one.
    """
    check_axes(rows, columns)
    cells = distinct_cells(results, per_sweep="sweep" in (*rows, *columns))
    if "finetune" not in (*rows, *columns):
        cells = single_networks(cells)
    cells = _with_doubts(cells)
    if distance is not None:
        cells = cells[cells["distance"] == distance]
    cells = cells.assign(is_doubtful=cells["doubts"].map(bool) & cells["auroc"].notna())
    counts = cells.groupby(list(rows), dropna=False)["is_doubtful"].agg(["sum", "size"])
    counts = counts[counts["sum"] > 0].reset_index()
    if counts.empty:
        return []
    named = [
        f"{' '.join(str(line[axis]) for axis in rows)} ({line['sum']} of {line['size']} cells)"
        for line in sort_by_axes(counts, rows, families).to_dict("records")
    ]
    return [f"Doubtful trainings are in the averages of: {'; '.join(named)}."]


def doubtful_section(results: pd.DataFrame, report: ReportFolder) -> list[str]:
    """Write the table of doubtful trainings and return the Markdown; empty where there is none."""
    table = doubtful_trainings(results)
    if table.empty:
        return []
    link = report.table("doubtful_trainings", table)
    shown = to_markdown(table.head(_MOST_LINES).astype(str))
    more = [f"{len(table) - _MOST_LINES} more are in that file."] * (len(table) > _MOST_LINES)
    return ["## Doubtful trainings", _HOW_TO_READ, f"As CSV: {link}.", shown, *more]


def _with_doubts(cells: pd.DataFrame) -> pd.DataFrame:
    """Return distinct cells with a column ``doubts``: tuples of sentences, mostly empty."""
    notes = cells["note"] if "note" in cells.columns else pd.Series(None, index=cells.index)
    outlying = _outlying_seeds(cells)
    places = cells[[*_PLACE, "seed"]].itertuples(index=False)
    doubts = [
        (*doubts_in(note), *outlying.get(tuple(place), ()))
        for note, place in zip(notes, places, strict=True)
    ]
    return cells.assign(doubts=pd.Series(doubts, index=cells.index, dtype="object"))


def _outlying_seeds(cells: pd.DataFrame) -> dict[tuple[object, ...], tuple[str, ...]]:
    """Return what is to be said of representations far below those of the other seeds."""
    known = cells[cells["seed"].notna() & cells["id_accuracy"].notna()]
    n_id = known["n_id"] if "n_id" in known.columns else pd.Series(float("nan"), known.index)
    per_seed = (
        known.assign(n_images=pd.to_numeric(n_id))
        .groupby([*_PLACE, "seed"], as_index=False)[["id_accuracy", "n_images"]]
        .mean()
    )
    found: dict[tuple[object, ...], tuple[str, ...]] = {}
    for place, group in per_seed.groupby(_PLACE):
        for at, line in group.iterrows():
            others = group.drop(index=[at])
            if others.empty:
                continue
            accuracy, usual = float(line["id_accuracy"]), float(others["id_accuracy"].median())
            if usual - accuracy >= _far(others, usual):
                id_set, *names = place
                label = f"{' · '.join(map(str, names))} · seed {line['seed']:.0f} on {id_set}"
                finding = (
                    f"ID accuracy {percent(accuracy)}% is far below that of its other seeds "
                    f"(median {percent(usual)}%)"
                )
                found[(*place, line["seed"])] = (doubt_about(label, [finding]),)
    return found


def _far(others: pd.DataFrame, usual: float) -> float:
    """Return how far below ``usual`` a seed's accuracy is far below the ``others``."""
    by_images = (usual * (1 - usual) / others["n_images"]).mean() ** 0.5
    if len(others) == 1:
        return float(max(_GAP_OF_TWO, pd.Series([_DEVIATIONS * by_images]).max()))
    spread = pd.Series([others["id_accuracy"].std(), by_images]).max()
    return float(max(_GAP, _DEVIATIONS * spread))
