from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mood_sweeps.aggregation.comparative_table import comparative_table, pivot
from mood_sweeps.aggregation.measures import MEASURES
from mood_sweeps.errors import InputError


def _cell(results: pd.DataFrame, **labels: object) -> pd.Series:
    chosen = np.ones(len(results), dtype=bool)
    for name, label in labels.items():
        chosen &= (results[name] == label).to_numpy(dtype=bool)
    (position,) = np.flatnonzero(chosen)
    return results.iloc[position]


def _only(results: pd.DataFrame, **labels: object) -> pd.DataFrame:
    for name, label in labels.items():
        results = results[results[name] == label]
    return results


def test_mean_is_over_ood_sets_inside_a_seed_and_then_over_seeds(full_results):
    table = comparative_table(full_results, ("pretext", "finetune"), ("scorer",), distance="far")
    line = _cell(table, pretext="mim", finetune="pt+ft", scorer="knn(k=10)")
    cells = _only(full_results, pretext="mim", finetune="pt+ft", scorer="knn(k=10)", distance="far")
    by_hand = [cells.loc[cells["seed"] == seed, "auroc"].mean() for seed in (0, 1)]
    assert line["value"] == pytest.approx(np.mean(by_hand), abs=1e-15)
    assert line["sd"] == pytest.approx(np.std(by_hand, ddof=1), abs=1e-15)
    assert (line["n_seeds"], line["n_done"], line["n_expected"]) == (2, 10, 10)


def test_every_value_of_a_full_sweep_agrees_with_plain_pandas(full_results):
    table = comparative_table(full_results, ("backbone",), ("distance", "scorer"), "fpr95")
    seeds = full_results.groupby(["backbone", "distance", "scorer", "seed"])["fpr95"].mean()
    expected = seeds.groupby(level=[0, 1, 2]).agg(["mean", "std"])
    ours = table.set_index(["backbone", "distance", "scorer"]).loc[expected.index]
    np.testing.assert_allclose(ours["value"], expected["mean"], rtol=1e-12)
    np.testing.assert_allclose(ours["sd"], expected["std"], rtol=1e-9)


def test_a_missing_cell_is_marked_counted_and_never_best(results):
    gone = (results["scorer"] == "mahalanobis") & (results["pretext"] == "classification")
    gone &= (results["ood_set"] == "textures") & (results["seed"] == 1)
    results.loc[gone, "status"] = "failed"
    results.loc[results["scorer"] == "mahalanobis", "auroc"] = 0.999
    table = comparative_table(results, ("pretext",), ("scorer",), distance="far")
    line = _cell(table, pretext="classification", scorer="mahalanobis")
    assert (line["n_done"], line["n_expected"]) == (36, 40)
    assert line["value"] == pytest.approx(0.999)
    assert np.isnan(line["sd"])
    shown = pivot(table, mark_best=("**", "**")).set_index("pretext")
    assert shown.loc["classification", "mahalanobis"] == "99.9 (36 of 40)"
    assert shown.loc["mim", "mahalanobis"] == "**99.9 ± 0.0**"
    assert sum("**" in text for text in shown.loc["classification"]) == 1


def test_a_stale_number_in_a_cell_that_is_not_done_does_not_count(results):
    results.loc[results["scorer"] == "vim", "status"] = "pending"
    table = comparative_table(results, ("pretext",), ("scorer",))
    line = _cell(table, pretext="mim", scorer="vim")
    assert np.isnan(line["value"])
    assert (line["n_seeds"], line["n_done"], line["n_expected"]) == (0, 0, 12)
    assert pivot(table).set_index("pretext").loc["mim", "vim"] == "0 of 12"


def test_a_done_cell_without_a_defined_metric_is_missing(results):
    here = (results["scorer"] == "vim") & (results["pretext"] == "mim")
    here &= (results["ood_set"] == "photos") & (results["seed"] == 0)
    results.loc[here, "auroc"] = np.nan
    line = _cell(
        comparative_table(results, ("pretext",), distance="far"), pretext="mim", scorer="vim"
    )
    assert (line["n_done"], line["n_expected"]) == (9, 10)


def test_a_combination_outside_the_sweep_is_a_dash(full_results):
    table = comparative_table(full_results, ("pretext", "backbone"), ("scorer",))
    assert not ((table["pretext"] == "mim") & (table["backbone"] == "resnet_nano")).any()
    table = comparative_table(full_results, ("pretext",), ("backbone",))
    line = _cell(table, pretext="mim", backbone="resnet_nano")
    assert line["n_expected"] == 0
    shown = pivot(table, ("backbone",)).set_index("pretext")
    assert shown.loc["mim", "resnet_nano"] == "–"


def test_one_seed_has_no_spread(full_results):
    table = comparative_table(full_results[full_results["seed"] == 0], ("pretext",))
    assert table["sd"].isna().all()
    assert (table.loc[table["n_done"] > 0, "n_seeds"] == 1).all()
    assert not any("±" in text for text in pivot(table).to_numpy().ravel())


def test_cells_without_a_seed_take_part_in_every_seed():
    frame = _tiny(
        [("a", None, 0.6), ("a", 0, 0.8), ("a", 1, 1.0), ("b", None, 0.5)],
    )
    table = comparative_table(frame, ("pretext",), ())
    by_pretext = table.set_index("pretext")
    assert by_pretext.loc["a", "value"] == pytest.approx(((0.6 + 0.8) / 2 + (0.6 + 1.0) / 2) / 2)
    assert by_pretext.loc["a", "sd"] == pytest.approx(np.std([0.7, 0.8], ddof=1))
    assert by_pretext.loc["a", "n_seeds"] == 2
    assert by_pretext.loc["b", "n_seeds"] == 1
    assert np.isnan(by_pretext.loc["b", "sd"])


def test_a_cell_shared_by_two_sweeps_counts_once_and_done_wins(results):
    again = results.assign(sweep="another", status="pending", auroc=None)
    both = pd.concat([again, results])
    expected = comparative_table(results, ("pretext",))
    pd.testing.assert_frame_equal(comparative_table(both, ("pretext",)), expected)
    per_sweep = comparative_table(both, ("sweep", "pretext"))
    assert per_sweep.groupby("sweep")["n_done"].sum().to_dict() == {
        "another": 0,
        "synthetic": len(results),
    }


def test_two_contents_under_the_same_labels_are_refused(results):
    other = results.assign(sweep="longer", cell_key="f" + results["cell_key"].str[1:])
    with pytest.raises(InputError, match="share their labels but not their content"):
        comparative_table(pd.concat([results, other]))


def test_an_ensemble_is_a_stage_of_its_own_and_in_no_mean_of_single_networks(
    joined_results, full_results
):
    for rows in (("pretext",), ("backbone", "ood_set"), ("pretext", "seed")):
        expected = comparative_table(full_results, rows)
        pd.testing.assert_frame_equal(comparative_table(joined_results, rows), expected)
    by_stage = comparative_table(joined_results, ("finetune",), ("pretext",))
    assert list(dict.fromkeys(by_stage["finetune"])) == [
        "pt", "pt × 2 seeds", "pt+ft", "pt+ft × 2 seeds",
    ]  # fmt: skip
    joined = by_stage["finetune"].str.endswith("seeds")
    assert (by_stage.loc[joined, "value"] == 1.0).all()
    single = comparative_table(full_results, ("finetune",), ("pretext",))
    pd.testing.assert_frame_equal(by_stage[~joined].reset_index(drop=True), single)


def test_a_table_of_ensembles_alone_averages_over_them(joined_results):
    alone = joined_results[joined_results["seed"].isna()]
    table = comparative_table(alone, ("pretext",))
    assert (table.loc[table["n_expected"] > 0, "value"] == 1.0).all()


def test_lower_is_better_is_marked_so(full_results):
    table = comparative_table(full_results, ("pretext",), metric="fpr95", distance="near")
    shown = pivot(table, mark_best=("<", ">")).set_index("pretext")
    best = table.loc[table.groupby("pretext")["value"].idxmin()].set_index("pretext")["scorer"]
    for pretext, scorer in best.items():
        assert shown.loc[pretext, scorer].startswith("<")


def test_scorers_follow_their_families_and_near_comes_first(full_results, families):
    table = comparative_table(full_results, ("distance",), families=families)
    assert list(pivot(table).columns) == [
        "distance", "msp", "entropy", "kl_matching", "max_logit", "energy", "mahalanobis",
        "knn(k=10)", "residual", "vim", "react", "gradnorm",
    ]  # fmt: skip
    assert list(pivot(table)["distance"]) == ["near", "far"]


def test_the_order_of_rows_in_the_frame_does_not_matter(full_results):
    shuffled = full_results.sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(
        comparative_table(shuffled), comparative_table(full_results), rtol=1e-12
    )


def test_frames_as_sql_gives_them_work(results):
    results["seed"] = results["seed"].astype("float64")
    results["status"] = "pending"
    for metric in ("auroc", "fpr95", "id_accuracy"):
        results[metric] = pd.Series([None] * len(results), dtype="object")
    table = comparative_table(results, ("pretext",), ("seed",))
    assert table["value"].isna().all()
    assert list(pivot(table, ("seed",)).columns) == ["pretext", "0", "1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": ("pretxt",)}, "unknown axis 'pretxt'; did you mean 'pretext'"),
        ({"metric": "auc"}, "unknown metric 'auc'"),
        ({"rows": ("scorer",)}, "named twice"),
        ({"rows": ()}, "at least one axis"),
    ],
)
def test_bad_arguments_are_named(full_results, arguments, message):
    with pytest.raises(InputError, match=message):
        comparative_table(full_results, **arguments)


def test_a_missing_column_is_named(full_results):
    with pytest.raises(InputError, match="lacks the columns cell_key, fpr95"):
        comparative_table(full_results.drop(columns=["fpr95", "cell_key"]))


def _tiny(lines: list[tuple[str, int | None, float]]) -> pd.DataFrame:
    """Cells of one scorer, one OOD set per line."""
    return pd.DataFrame(
        [
            {
                "sweep": "tiny",
                "cell_key": str(number),
                "pretext": pretext,
                "backbone": "vit_nano",
                "finetune": "pt",
                "scorer": "knn",
                "id_set": "digits:0-5",
                "ood_set": f"set {number}",
                "distance": "far",
                "seed": seed,
                "status": "done",
                "reason": None,
            }
            | dict.fromkeys(MEASURES, auroc)
            for number, (pretext, seed, auroc) in enumerate(lines)
        ]
    )
