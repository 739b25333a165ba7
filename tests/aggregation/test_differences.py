from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mood_sweeps.aggregation.differences import differences, differences_section
from mood_sweeps.aggregation.report_folder import ReportFolder


@pytest.fixture
def three_seeds(full_results: pd.DataFrame) -> pd.DataFrame:
    """The synthetic sweep with a third seed, a little different from the first."""
    more = full_results[full_results["seed"] == 0].copy()
    more["seed"] = 2
    more["cell_key"] = [f"{number + 50_000:064x}" for number in range(len(more))]
    draw = np.random.default_rng(3)
    more["auroc"] = (more["auroc"] + draw.normal(0, 0.002, len(more))).clip(0, 1)
    return pd.concat([full_results, more], ignore_index=True)


def test_a_difference_is_of_cells_alike_in_everything_else(three_seeds: pd.DataFrame) -> None:
    table = differences(three_seeds, "pretext", "near").set_index("other")
    assert set(table["best"]) == {"classification"}
    assert set(table.index) == {"random", "mim", "mocov3"}
    # By hand, for a pretext task that has no ResNet: so no cell with one counts.
    near = three_seeds[three_seeds["distance"] == "near"].set_index(
        ["backbone", "finetune", "scorer", "ood_set", "seed"]
    )
    ahead = (
        near.loc[near["pretext"] == "classification", "auroc"]
        - near.loc[near["pretext"] == "mim", "auroc"]
    ).dropna()
    per_seed = ahead.groupby(level="seed").mean()
    assert table.loc["mim", "n_cells"] == len(ahead)
    assert table.loc["mim", "n_seeds"] == 3
    assert table.loc["mim", "difference"] == pytest.approx(per_seed.mean())
    low, high = stats.t.interval(
        1 - 0.05 / 3, 2, loc=per_seed.mean(), scale=per_seed.std() / math.sqrt(3)
    )
    assert table.loc["mim", ["low", "high"]].tolist() == pytest.approx([low, high])


def test_verdicts(three_seeds: pd.DataFrame) -> None:
    pretexts = differences(three_seeds, "pretext", "near").set_index("other")
    assert pretexts.loc["random", "verdict"] == "real"
    # Two copies of one scorer, but for noise, are not told apart.
    twin = three_seeds[three_seeds["scorer"] == "mahalanobis"].copy()
    twin["scorer"] = "twin"
    twin["cell_key"] = [f"{number + 90_000:064x}" for number in range(len(twin))]
    twin["auroc"] = twin["auroc"] + np.random.default_rng(4).normal(0, 0.001, len(twin))
    scorers = differences(pd.concat([three_seeds, twin]), "scorer", "near")
    named = scorers.set_index("other")
    closest = named.loc[["twin" if "twin" in named.index else "mahalanobis"]]
    assert closest["verdict"].tolist() == ["unclear"]
    assert scorers["difference"].is_monotonic_increasing


def test_ensembles_are_set_against_nothing(
    joined_results: pd.DataFrame, full_results: pd.DataFrame
) -> None:
    for axis in ("finetune", "pretext"):
        expected = differences(full_results, axis, "near")
        pd.testing.assert_frame_equal(differences(joined_results, axis, "near"), expected)


def test_two_seeds_are_too_few(full_results: pd.DataFrame) -> None:
    table = differences(full_results, "pretext", "near")
    assert set(table["verdict"]) == {"too few seeds"}
    assert table["low"].isna().all()


def test_one_value_is_ahead_of_nobody(three_seeds: pd.DataFrame, tmp_path) -> None:
    alone = three_seeds[
        (three_seeds["pretext"] == "random")
        & (three_seeds["backbone"] == "vit_nano")
        & (three_seeds["finetune"] == "pt")
        & (three_seeds["scorer"] == "mahalanobis")
    ]
    assert differences(alone, "pretext", "near").empty
    assert differences_section(alone, ReportFolder(tmp_path), {}) == []


def test_the_section_has_a_table_per_axis_and_distance(
    three_seeds: pd.DataFrame, families, tmp_path
) -> None:
    report = ReportFolder(tmp_path)
    parts = differences_section(three_seeds, report, families)
    titles = [part for part in parts if part.startswith("### ")]
    assert len(titles) == 8
    assert titles[0] == "### near-OOD AUROC, pretext: classification ahead of"
    assert len(report.written) == 8
