from __future__ import annotations

import pandas as pd

from mood_sweeps.aggregation.unequal_averages import unequal_averages


def test_unlike_averages_are_named(full_results, families):
    finetune, backbone = unequal_averages(full_results, ("pretext",), families=families)
    assert finetune.startswith("Averages over finetune differ: usually over pt+ft; but over pt,")
    assert "classification" in finetune
    assert "mahalanobis" in finetune
    assert backbone == (
        "Averages over backbone differ: usually over resnet_nano, vit_nano; "
        "but over vit_nano for mim."
    )


def test_a_table_of_everything_averages_alike(full_results):
    rows = ("pretext", "finetune", "backbone")
    assert unequal_averages(full_results, rows, ("scorer",), "far") == []


def test_ensembles_are_not_among_what_is_averaged_over(joined_results, full_results):
    for rows in (("pretext",), ("backbone",)):
        assert unequal_averages(joined_results, rows) == unequal_averages(full_results, rows)


def test_what_is_not_done_does_not_change_the_intention(results):
    before = unequal_averages(results, ("pretext",))
    results.loc[results["backbone"] == "vit_nano", "status"] = "failed"
    assert unequal_averages(results, ("pretext",)) == before


def test_an_ood_set_that_only_one_scorer_meets_is_named(full_results):
    kept = full_results[
        (full_results["ood_set"] != "photos") | (full_results["scorer"] == "residual")
    ]
    rows = ("pretext", "finetune", "backbone")
    (sentence,) = unequal_averages(kept, rows, ("scorer",), "far")
    assert sentence.startswith("Averages over ood_set differ: usually over gaussian, shapes,")
    assert "× (residual)" in sentence


def test_id_sets_with_ood_sets_of_their_own_are_not_unlike(full_results):
    near = full_results[full_results["distance"] == "near"]
    swapped = near.assign(
        id_set="digits:6-9", ood_set="digits:0-5", cell_key="b" + near["cell_key"]
    )
    both = pd.concat([near, swapped])
    rows = ("id_set", "pretext", "finetune", "backbone")
    assert unequal_averages(both, rows, ("scorer",), "near") == []
