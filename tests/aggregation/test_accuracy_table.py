from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.aggregation.accuracy import accuracy_display, accuracy_table


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
