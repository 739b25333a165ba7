"""The first lines of a report: what was asked, what was run, what came out on top."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mood_sweeps.aggregation.comparative_table import comparative_table
from mood_sweeps.aggregation.completeness import STATUSES
from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    distinct_cells,
    ensemble_sizes,
    in_order,
    single_networks,
)
from mood_sweeps.aggregation.render_table import percent

__all__ = ["headline"]

_AXES = {
    "pretext": "pretext task",
    "backbone": "backbone",
    "finetune": "fine-tuning stage",
    "scorer": "scorer",
    "seed": "seed",
}


def headline(results: pd.DataFrame, families: Families, lead: Sequence[str] = ()) -> str:
    """Return three Markdown paragraphs: asked, run, found.

    lead: axes to keep apart, such as ``id_set``; the best is named for each of their values.
    """
    cells = distinct_cells(results, per_sweep="sweep" in lead)
    return "\n\n".join(
        [
            f"**Asked.** {_asked(cells, families)}",
            f"**Run.** {_run(cells)}",
            f"**Found.** {_found(results, families, lead)}",
        ]
    )


def _asked(cells: pd.DataFrame, families: Families) -> str:
    axes = []
    for axis, word in _AXES.items():
        labels = in_order(single_networks(cells)[axis].dropna(), axis, families)
        if labels:
            plural = word if len(labels) == 1 else word + "s"
            axes.append(f"{len(labels)} {plural} ({', '.join(map(str, labels))})")
    joined = "".join(f", and ensembles of {size} of them" for size in ensemble_sizes(cells))
    pairs = []
    for id_set in in_order(cells["id_set"], "id_set"):
        here = cells[cells["id_set"] == id_set]
        against = [
            f"{distance}-OOD {', '.join(in_order(group['ood_set'], 'ood_set'))}"
            for distance in in_order(here["distance"], "distance")
            for group in [here[here["distance"] == distance]]
        ]
        pairs.append(f"{id_set} against {'; '.join(against)}")
    sweeps = in_order(cells["sweep"], "sweep")
    return (
        f"Sweep{'s' if len(sweeps) > 1 else ''} {', '.join(map(str, sweeps))}: "
        f"{' × '.join(axes)}{joined}, on {'. On '.join(pairs)}."
    )


def _run(cells: pd.DataFrame) -> str:
    counts = cells["status"].value_counts()
    parts = [f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0)]
    text = f"{len(cells)} cells: {', '.join(parts)}."
    undefined = int(((cells["status"] == "done") & cells["auroc"].isna()).sum())
    if undefined:
        text += f" Of the done ones, {undefined} have no defined AUROC."
    return text


def _found(results: pd.DataFrame, families: Families, lead: Sequence[str]) -> str:
    rows = [*lead, "distance", *REPRESENTATION, "scorer"]
    table = comparative_table(results, rows, (), families=families)
    table = table[table["n_expected"] > 0]
    if not (table["n_done"] > 0).any():
        return "Nothing yet: no cell is done."
    lines = []
    for labels, group in table.groupby([*lead, "distance"], sort=False):
        *where, distance = labels
        complete = group[group["n_done"] == group["n_expected"]]
        ranked = complete.sort_values("value", ascending=False, kind="stable")
        place = "".join(f"{label}, " for label in where)
        if ranked.empty:
            lines.append(f"- {place}{distance}-OOD: no combination is complete yet.")
            continue
        text = f"- {place}{distance}-OOD: {_named(ranked.iloc[0])}"
        if len(ranked) > 1:
            text += f"; next {_named(ranked.iloc[1])}"
        left_out = len(group) - len(complete)
        ranks = f"{len(ranked)} combinations of representation and scorer ranked"
        lines.append(f"{text}. {ranks}" + (f", {left_out} incomplete." if left_out else "."))
    note = (
        "The highest of many combinations is chosen after the fact, on test images: a gap within "
        "the spread over seeds or the cells' intervals is no evidence of a difference."
    )
    opening = "highest mean AUROC over OOD sets and seeds, where every cell is done:"
    return f"{opening}\n\n" + "\n".join(lines) + f"\n\n{note}"


def _named(line: pd.Series) -> str:
    spread = "" if np.isnan(line["sd"]) else f" ± {percent(line['sd'])}"
    representation = " / ".join(str(line[axis]) for axis in REPRESENTATION)
    return f"**{percent(line['value'])}{spread}** % with {line['scorer']} on {representation}"
