"""The near-OOD confusion study: which held-out class passes as which ID class, by scorer.

At the threshold that accepts 95% of the ID test images, an OOD image that is still accepted is
confused with the ID class it is predicted as (MOODv1, Fig. 3). Counts are images; shares are
fractions of the OOD class, so that the share over all classes is the pair's FPR95 (ID positive).
Means go over the seeds of a representation first, then over representations, each with the same
weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mood_sweeps.aggregation.distinct_cells import (
    REPRESENTATION,
    Families,
    require_columns,
    sort_by_axes,
)

__all__ = [
    "PAIR",
    "confusion_by_representation",
    "confusion_by_scorer",
    "confusion_matrix",
    "shared_representations",
    "worst_pairs",
]

PAIR = ("id_set", "ood_set")
_CELL = ("cell_key", "seed", *PAIR, "scorer", *REPRESENTATION)


def confusion_by_scorer(
    confusions: pd.DataFrame, *, families: Families | None = None
) -> pd.DataFrame:
    """Return one line per (pair, scorer, OOD class, ID class), every combination present.

    confusions: the confusion frame, one row per (cell, OOD class, ID class); absent rows count
    as 0 images. Filter it first to study one representation or distance.
    Columns: ``id_set``, ``ood_set``, ``scorer``, ``ood_class``, ``id_class``, ``accepted`` (mean
    images), ``share`` (fraction of the OOD class), ``n_ood_class`` (images), ``n_cells`` averaged.
    """
    dense = _dense(confusions)
    group = [*PAIR, "scorer", "ood_class", "id_class"]
    per_representation = dense.groupby([*group, *REPRESENTATION], sort=False).agg(
        accepted=("accepted", "mean"),
        share=("share", "mean"),
        n_ood_class=("n_ood_class", "max"),
        n_cells=("cell_key", "nunique"),
    )
    table = per_representation.groupby(group, sort=False).agg(
        accepted=("accepted", "mean"),
        share=("share", "mean"),
        n_ood_class=("n_ood_class", "max"),
        n_cells=("n_cells", "sum"),
    )
    return sort_by_axes(table.reset_index(), group, families)


def confusion_by_representation(
    confusions: pd.DataFrame, *, families: Families | None = None
) -> pd.DataFrame:
    """Return what confuses the fewest: a line per (pair, scorer, representation), best first.

    Columns: ``id_set``, ``ood_set``, ``scorer``, ``pretext``, ``finetune``, ``backbone``,
    ``accepted`` (mean images of all OOD classes), ``share`` (of all OOD images, fraction), ``sd``
    of the share over seeds (NaN for one), ``n_seeds``.
    """
    dense = _dense(confusions)
    group = [*PAIR, "scorer", *REPRESENTATION]
    images = dense.groupby([*group, "cell_key", "ood_class"], sort=False).agg(
        accepted=("accepted", "sum"), images=("n_ood_class", "max")
    )
    cells = images.groupby([*group, "cell_key"], sort=False).sum()
    cells["share"] = cells["accepted"] / cells["images"]
    table = cells.groupby(group, sort=False).agg(
        accepted=("accepted", "mean"),
        share=("share", "mean"),
        sd=("share", "std"),
        n_seeds=("share", "size"),
    )
    ordered = sort_by_axes(table.reset_index(), group, families)
    return ordered.sort_values([*PAIR, "share"], kind="stable").reset_index(drop=True)


def confusion_matrix(by_scorer: pd.DataFrame) -> pd.DataFrame:
    """Return OOD class × ID class (mean images) of one scorer and pair, with totals.

    by_scorer: the lines of ``confusion_by_scorer`` for one scorer and one pair. The last row,
    ``all``, sums the OOD classes; the last columns are ``accepted`` (mean images, summed over
    the ID classes), ``images`` of the class and ``share`` accepted (fraction).
    """
    columns = list(dict.fromkeys(by_scorer["id_class"]))
    rows = list(dict.fromkeys(by_scorer["ood_class"]))
    matrix = by_scorer.pivot(index="ood_class", columns="id_class", values="accepted")
    matrix = matrix.loc[rows, columns]
    matrix["accepted"] = matrix.sum(axis="columns")
    matrix["images"] = by_scorer.groupby("ood_class")["n_ood_class"].max()
    matrix.loc["all"] = matrix.sum()
    matrix["share"] = matrix["accepted"] / matrix["images"]
    matrix.columns.name = None
    return matrix


def shared_representations(confusions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the representations and seeds that every scorer of the pair has.

    Scorers that need a head exist on fewer representations than those that do not; only on
    the shared ones do their counts compare. Empty where no representation has them all.
    """
    require_columns(confusions, _CELL, "confusion")
    place = [*PAIR, *REPRESENTATION, "seed"]
    scorers = confusions.groupby(list(PAIR))["scorer"].transform("nunique")
    here = confusions.groupby(place, dropna=False)["scorer"].transform("nunique")
    return confusions[here == scorers]


def worst_pairs(
    by_scorer: pd.DataFrame, by: Sequence[str] = ("scorer",), n: int = 1
) -> pd.DataFrame:
    """Return the ``n`` largest accepted shares (OOD class → ID class) per pair and ``by``.

    by_scorer: the answer of ``confusion_by_scorer``; the mean goes over what ``by`` leaves out,
    so ``by=()`` is the mean over scorers. Columns: the pair, ``by``, ``ood_class``, ``id_class``,
    ``accepted`` (mean images), ``share`` (fraction of the OOD class); pairs that no image
    confuses are left out.
    """
    group = [*PAIR, *by]
    means = by_scorer.groupby([*group, "ood_class", "id_class"], sort=False)
    table = means[["accepted", "share"]].mean().reset_index()
    table = table[table["share"] > 0]
    first = table.groupby(group, sort=False).ngroup()
    table = table.assign(_group=first).sort_values(
        ["_group", "share"], ascending=[True, False], kind="stable"
    )
    top = table.groupby("_group", sort=False).head(n)
    return top.drop(columns="_group").reset_index(drop=True)


def _dense(confusions: pd.DataFrame) -> pd.DataFrame:
    """Return every OOD class × ID class of every cell, 0 where the frame has no row."""
    require_columns(
        confusions, [*_CELL, "ood_class", "id_class", "accepted", "n_ood_class"], "confusion"
    )
    counts = ["cell_key", "ood_class", "id_class"]
    rows = confusions.drop_duplicates(counts)
    rows = rows.astype({"ood_class": str, "id_class": str})
    cells = rows[list(_CELL)].drop_duplicates("cell_key")
    ood = rows.groupby([*PAIR, "ood_class"], sort=False)["n_ood_class"].max().reset_index()
    id_classes = rows[[*PAIR, "id_class"]].drop_duplicates()
    dense = cells.merge(ood, on=list(PAIR)).merge(id_classes, on=list(PAIR))
    dense = dense.merge(rows[[*counts, "accepted"]], on=counts, how="left")
    dense["accepted"] = dense["accepted"].fillna(0).astype("float64")
    dense["share"] = dense["accepted"] / dense["n_ood_class"]
    return dense
