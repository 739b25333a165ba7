from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mood_sweeps.aggregation.accuracy_table import BASELINE, accuracy_display, accuracy_table
from mood_sweeps.aggregation.confidence_interval import mean_interval


def test_accuracy_is_per_representation_and_says_who_predicts(full_results):
    table = accuracy_table(full_results).set_index(["pretext", "finetune", "backbone"])
    assert len(table) == 14
    headless = table.loc[("mocov3", "pt", "vit_nano")]
    assert headless["value"] == pytest.approx((0.90 + 0.91) / 2)
    assert headless["sd"] == pytest.approx(np.std([0.90, 0.91], ddof=1))
    assert headless["predicted_by"] == "nearest class mean"
    assert table.loc[("mocov3", "pt+ft", "vit_nano"), "predicted_by"] == "head"


def test_nearest_class_mean_is_marked_and_missing_seeds_are_counted(results):
    ours = (results["pretext"] == "mim") & (results["finetune"] == "pt")
    results.loc[ours & (results["seed"] == 1), "status"] = "skipped"
    results.loc[(results["pretext"] == "random"), "status"] = "pending"
    shown = accuracy_display(accuracy_table(results)).set_index(["pretext", "finetune"])
    texts = shown["ID accuracy, %"]
    assert list(texts.loc[[("mim", "pt")]]) == ["90.0 * (1 of 2 seeds)"]
    assert list(texts.loc[[("mim", "pt+ft")]]) == ["95.5 ± 0.7"]
    assert set(texts.loc[[("random", "pt")]]) == {"0 of 2 seeds"}


def test_one_failed_scorer_does_not_hide_the_accuracy(results):
    results.loc[results["scorer"] == "vim", "status"] = "failed"
    table = accuracy_table(results)
    assert (table["n_seeds"] == table["n_expected"]).all()


@pytest.fixture
def three_seeds(full_results):
    """Accuracies by hand: mim 0.80, 0.90, 0.85 against random 0.30, 0.50, 0.40, fine-tuned."""
    by_hand = {"mim": [0.80, 0.90, 0.85], "random": [0.30, 0.50, 0.40]}
    here = full_results[
        full_results["pretext"].isin(by_hand)
        & (full_results["finetune"] == "pt+ft")
        & (full_results["backbone"] == "vit_nano")
        & (full_results["seed"] == 0)
        & (full_results["scorer"] == "msp")
    ]
    frames = [
        here.assign(
            seed=seed,
            id_accuracy=[by_hand[pretext][seed] for pretext in here["pretext"]],
            cell_key=[f"{seed}{key[1:]}" for key in here["cell_key"]],
        )
        for seed in range(3)
    ]
    return pd.concat(frames, ignore_index=True)


# t of 2 degrees of freedom at 97.5% is 4.302653 (any printed table); s = 0.05, n = 3.
REACH = 4.302653 * 0.05 / 3**0.5


def test_three_seeds_have_students_interval(three_seeds):
    table = accuracy_table(three_seeds).set_index("pretext")
    mim = table.loc["mim"]
    assert mim["value"] == pytest.approx(0.85)
    assert (mim["low"], mim["high"]) == pytest.approx((0.85 - REACH, 0.85 + REACH), abs=1e-7)
    # random: mean 0.4, s = 0.1; twice as wide.
    assert table.loc["random", "low"] == pytest.approx(0.4 - 2 * REACH, abs=1e-7)


def test_the_margin_over_random_is_paired_by_seed(three_seeds):
    table = accuracy_table(three_seeds).set_index("pretext")
    mim = table.loc["mim"]
    # Differences 0.5, 0.4, 0.45: mean 0.45, s = 0.05. Unpaired, it would be wider.
    assert mim["margin"] == pytest.approx(0.45)
    assert (mim["margin_low"], mim["margin_high"]) == pytest.approx(
        (0.45 - REACH, 0.45 + REACH), abs=1e-7
    )
    assert np.isnan(
        table.loc["random", ["margin", "margin_low", "margin_high"]].astype(float)
    ).all()
    shown = accuracy_display(accuracy_table(three_seeds)).set_index("pretext")
    assert list(shown.loc["mim"])[2:] == ["85.0 ± 5.0", "72.6 to 97.4", "45.0 (32.6 to 57.4)"]
    assert list(shown.loc["random"])[2:] == ["40.0 ± 10.0", "15.2 to 64.8", ""]


def test_a_margin_is_over_the_seeds_that_both_have(three_seeds):
    lost = (three_seeds["pretext"] == "random") & (three_seeds["seed"] == 2)
    three_seeds.loc[lost, "status"] = "failed"
    mim = accuracy_table(three_seeds).set_index("pretext").loc["mim"]
    assert mim["margin"] == pytest.approx(0.45)
    assert mim["n_seeds"] == 3
    assert np.isnan(mim["margin_low"])  # two seeds are too few for an interval


def test_a_head_is_not_set_against_a_nearest_class_mean(three_seeds):
    random = three_seeds["pretext"] == "random"
    three_seeds.loc[random, "id_accuracy_from"] = "nearest class mean"
    table = accuracy_table(three_seeds)
    assert table["margin"].isna().all()
    assert f"more than {BASELINE}" not in accuracy_display(table)


def test_intervals_stay_inside_what_an_accuracy_can_be():
    assert mean_interval([0.9, 1.0, 1.0], (0.0, 1.0))[1] == 1.0
    assert np.isnan(mean_interval([0.9, 1.0], (0.0, 1.0))).all()
    assert mean_interval([0.5, 0.5, 0.5], (0.0, 1.0)) == (0.5, 0.5)
