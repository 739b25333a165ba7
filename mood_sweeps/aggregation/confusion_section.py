"""The near-OOD confusion study as a section of the report: heat maps, tables, worst pairs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mood_sweeps.aggregation.confusion_tables import (
    PAIR,
    confusion_by_representation,
    confusion_by_scorer,
    confusion_matrix,
    shared_representations,
    worst_pairs,
)
from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    distinct_cells,
    single_networks,
)
from mood_sweeps.aggregation.figures import confusion_heatmaps
from mood_sweeps.aggregation.render_table import percent, to_markdown
from mood_sweeps.aggregation.report_folder import ReportFolder

__all__ = ["confusion_section"]

_MOST_LISTED = 10
_MOST_ID_CLASSES, _MOST_LINES = 20, 150


def confusion_section(
    results: pd.DataFrame, confusions: pd.DataFrame, report: ReportFolder, families: Families
) -> list[str]:
    """Return the Markdown parts of the section; tables and figures go into ``report``."""
    cells = distinct_cells(results)
    cells = cells[cells["distance"] == "near"]
    if cells.empty:
        return ["The sweep has no near-OOD pair, so there is no confusion to study."]
    if not confusions.empty:
        confusions = confusions[confusions["distance"] == "near"]
    if confusions.empty:
        return ["No near-OOD cell is done yet, so there is nothing to count."]
    parts = [
        "At the threshold that accepts 95% of the ID test images: how many images of each "
        "held-out class are still accepted, and as which ID class they pass. The share over all "
        "classes is the pair's FPR95 (ID positive)."
    ]
    several = len(confusions[list(PAIR)].drop_duplicates()) > 1
    for (id_set, ood_set), here in confusions.groupby(list(PAIR), sort=True):
        if several:
            parts.append(f"### {id_set} against {ood_set}")
        expected = cells[(cells["id_set"] == id_set) & (cells["ood_set"] == ood_set)]
        parts += _pair(here, expected, f"{id_set}_vs_{ood_set}", report, families)
    return parts


def _pair(
    confusions: pd.DataFrame,
    expected: pd.DataFrame,
    name: str,
    report: ReportFolder,
    families: Families,
) -> list[str]:
    counted = confusions["cell_key"].nunique()
    parts = []
    if counted < len(expected):
        parts.append(f"> Incomplete: {counted} of {len(expected)} near-OOD cells are counted.")
    compared, basis = _like_with_like(single_networks(confusions))
    by_scorer = confusion_by_scorer(compared, families=families)
    by_representation = confusion_by_representation(confusions, families=families)
    matrix_link = report.table(f"confusion_{name}", by_scorer)
    figure = confusion_heatmaps(by_scorer)
    caption = "How many images of each OOD class pass as which ID class, by scorer"
    parts += [basis, report.figure(f"confusion_{name}", figure, caption)]

    small = by_scorer["id_class"].nunique() <= _MOST_ID_CLASSES
    short = by_scorer.groupby(["scorer", "ood_class"]).ngroups <= _MOST_LINES
    if small and short:
        parts += [f"Mean images, full precision: {matrix_link}.", to_markdown(_matrices(by_scorer))]
    else:
        parts.append(f"Too many classes for a table here; all of it: {matrix_link}.")

    overall = worst_pairs(by_scorer, (), _MOST_LISTED)
    fewest_link = report.table(f"confusion_{name}_by_representation", by_representation)
    parts += [
        "**Most confused** (mean over scorers), and by scorer:",
        to_markdown(_readable(overall)) if len(overall) else "No image was confused.",
        to_markdown(_readable(worst_pairs(by_scorer))),
        f"**Fewest confused**: the first {_MOST_LISTED} of scorer and representation, mean over "
        f"seeds. All: {fewest_link}.",
        to_markdown(_fewest(by_representation.head(_MOST_LISTED))),
    ]
    return [part for part in parts if part]


def _like_with_like(confusions: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows to compare scorers on, and a sentence that says which these are."""
    shared = shared_representations(confusions)
    place = [*REPRESENTATION, "seed"]
    if shared.empty:
        return confusions, (
            "> No representation has counts for every scorer, so the scorers below are **not** "
            "averaged over the same representations."
        )
    n_all = len(confusions[place].drop_duplicates())
    n_shared = len(shared[place].drop_duplicates())
    names = shared[list(REPRESENTATION)].drop_duplicates().sort_values(list(REPRESENTATION))
    listed = ", ".join(" / ".join(map(str, labels)) for labels in names.itertuples(index=False))
    kept = "all" if n_all == n_shared else f"{n_shared} of {n_all}"
    return shared, (
        f"Scorers are compared on the representations that all of them have ({kept}, counting "
        f"seeds): {listed}."
    )


def _matrices(by_scorer: pd.DataFrame) -> pd.DataFrame:
    """Return the matrices of all scorers below each other, for display."""
    lines: list[dict[str, Any]] = []
    for scorer, group in by_scorer.groupby("scorer", sort=False):
        matrix = confusion_matrix(group)
        for ood_class, values in matrix.iterrows():
            counts = {f"as {name}": f"{count:.1f}" for name, count in values.iloc[:-3].items()}
            lines.append(
                {"scorer": scorer, "OOD class": ood_class}
                | counts
                | {
                    "accepted": f"{values['accepted']:.1f}",
                    "of": f"{values['images']:.0f}",
                    "share, %": percent(values["share"]),
                }
            )
    return pd.DataFrame(lines)


def _readable(pairs: pd.DataFrame) -> pd.DataFrame:
    shown = {
        "OOD class → ID class": pairs["ood_class"] + " → " + pairs["id_class"],
        "mean images": pairs["accepted"].map("{:.1f}".format),
        "share of the OOD class, %": pairs["share"].map(percent),
    }
    scorer = {"scorer": pairs["scorer"]} if "scorer" in pairs.columns else {}
    return pd.DataFrame(scorer | shown)


def _fewest(lines: pd.DataFrame) -> pd.DataFrame:
    shown = lines[["scorer", *REPRESENTATION]].copy()
    shown["mean images"] = lines["accepted"].map("{:.1f}".format)
    shown["share, %"] = [
        percent(share) + ("" if pd.isna(sd) else f" ± {percent(sd)}")
        for share, sd in zip(lines["share"], lines["sd"], strict=True)
    ]
    shown["seeds"] = lines["n_seeds"].astype(str)
    return shown
