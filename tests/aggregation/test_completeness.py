from __future__ import annotations

import pandas as pd

from mood_sweeps.aggregation.completeness import completeness, unfinished, why_unfinished


def _damaged(results: pd.DataFrame) -> pd.DataFrame:
    failed = (results["scorer"] == "vim") & (results["pretext"] == "mim") & (results["seed"] == 1)
    results.loc[failed, ["status", "reason"]] = ["failed", "fit vim: out of memory"]
    skipped = (results["pretext"] == "random") & (results["finetune"] == "pt+ft")
    results.loc[skipped, ["status", "reason"]] = ["skipped", "finetune failed"]
    results.loc[results["ood_set"] == "uniform", "status"] = "pending"
    results.loc[results["ood_set"] == "uniform", "reason"] = None
    return results


def test_counts_add_up_and_agree_with_a_cross_table(results):
    damaged = _damaged(results)
    table = completeness(damaged, ("pretext", "finetune"))
    expected = pd.crosstab([damaged["pretext"], damaged["finetune"]], damaged["status"])
    ours = table.set_index(["pretext", "finetune"])
    for status in ("done", "failed", "skipped", "pending"):
        assert ours[status].to_dict() == expected[status].to_dict()
    assert (ours[["done", "failed", "skipped", "pending"]].sum(axis=1) == ours["total"]).all()


def test_reasons_are_counted_with_the_cells_they_concern(results):
    damaged = _damaged(results)
    reasons = why_unfinished(damaged).set_index(["status", "reason"])
    assert reasons["cells"].sum() == (damaged["status"] != "done").sum()
    failed = reasons.loc[("failed", "fit vim: out of memory")]
    assert (failed["pretext"], failed["scorer"], failed["seed"]) == ("mim", "vim", "1")
    assert failed["cells"] == 5
    assert reasons.loc[("pending", ""), "ood_set"] == "uniform"
    assert list(reasons["cells"]) == sorted(reasons["cells"], reverse=True)


def test_a_done_cell_without_a_number_is_listed_with_its_reason(results):
    results.loc[3, "auroc"] = None
    results.loc[3, "reason"] = "all scores are equal"
    cells = unfinished(results)
    assert list(cells["cell_key"]) == [results.loc[3, "cell_key"]]
    assert list(cells["status"]) == ["undefined"]
    assert list(cells["reason"]) == ["all scores are equal"]
    assert completeness(results)["undefined"].sum() == 1


def test_a_finished_sweep_has_nothing_to_list(full_results):
    assert unfinished(full_results).empty
    assert why_unfinished(full_results).empty
