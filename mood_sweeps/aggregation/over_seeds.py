"""Mean and standard deviation over seeds of the means inside each seed, for many groups at once."""

from __future__ import annotations

import pandas as pd

__all__ = ["over_seeds"]


def over_seeds(values: pd.Series, seeds: pd.Series, group: pd.Series) -> pd.DataFrame:
    """Return one line per group number: ``value, sd, n_seeds, n_done, n_expected``.

    values: float64, one per cell, NaN where a cell has none. seeds: Int64, missing for a cell
    where the number depends on no seed: it is part of every seed's mean. group: integers.
    value: mean over seeds of the means inside a seed; NaN where nothing is done. sd: n - 1 in
    the denominator; NaN for one seed, and where the seeds' means are not over the same cells.
    """
    frame = pd.DataFrame({"group": group, "seed": seeds, "value": values})
    cells = frame.groupby(["group", "seed"], dropna=False)
    per_seed = cells.agg(
        total=("value", "sum"), done=("value", "count"), expected=("value", "size")
    ).reset_index("seed")
    sums = per_seed[["total", "done", "expected"]].groupby("group").sum()
    seedless = per_seed.loc[per_seed["seed"].isna(), ["total", "done", "expected"]]
    seedless = seedless.reindex(sums.index, fill_value=0)
    seeded = per_seed[per_seed["seed"].notna() & (per_seed["done"] > 0)]
    shared = seedless.loc[seeded.index]
    means = pd.DataFrame(
        {
            "value": (seeded["total"] + shared["total"]) / (seeded["done"] + shared["done"]),
            "alike": (seeded["done"] == seeded["expected"])
            & (shared["done"] == shared["expected"]),
        }
    )
    table = means.groupby("group").agg(
        value=("value", "mean"),
        sd=("value", "std"),
        n_seeds=("value", "size"),
        alike=("alike", "all"),
    )
    table["sd"] = table["sd"].where(table["alike"].astype(bool))
    table = table.drop(columns="alike").reindex(sums.index)
    # Without a seeded value there is at most the mean over cells that depend on no seed.
    without = table["n_seeds"].isna()
    only = seedless[without]
    table.loc[without, "value"] = only["total"] / only["done"].where(only["done"] > 0)
    table.loc[without, "n_seeds"] = (only["done"] > 0).astype("float64")
    return table.assign(n_done=sums["done"], n_expected=sums["expected"])
