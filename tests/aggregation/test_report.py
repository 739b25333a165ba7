from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mood_sweeps.errors import InputError
from tests.support.written_reports import report_of, section, text_of

pytestmark = pytest.mark.usefixtures("without_pixels")


def test_the_headline_names_the_best_complete_combination(few_results, plain_report):
    text = text_of(plain_report)
    near = few_results[few_results["distance"] == "near"]
    best = near.groupby(["scorer", "pretext", "finetune", "backbone"])["auroc"].mean()
    scorer, *representation = best.idxmax()
    assert f"- near-OOD: **{100 * best.max():.1f} ± " in text
    assert f"% with {scorer} on {' / '.join(representation)}; next" in text


def test_a_failed_cell_is_reported_with_its_reason(few_results, few_confusions, families, tmp_path):
    failed = few_results.index[
        (few_results["scorer"] == "msp") & (few_results["ood_set"] == "photos")
    ][:1]
    reason = "fit msp: ValueError: singular | matrix\nTraceback (most recent call last): …"
    few_results.loc[failed, "status"] = "failed"
    few_results.loc[failed, "reason"] = reason
    found = section(report_of(few_results, few_confusions, tmp_path, families), "Completeness")
    assert "fit msp: ValueError: singular \\| matrix" in found
    assert "Traceback" not in found
    listed = pd.read_csv(tmp_path / "unfinished_cells.csv", dtype=str)
    assert list(listed["reason"]) == [reason]
    assert list(listed["cell_key"]) == list(few_results.loc[failed, "cell_key"])


def test_a_sweep_that_has_only_begun(few_results, few_confusions, tmp_path):
    few_results["status"] = "pending"
    text = report_of(few_results, few_confusions.iloc[:0], tmp_path)
    assert "Nothing yet: no cell is done." in text
    assert "444 cells: 444 pending." in text
    assert "No near-OOD cell is done yet" in text
    assert not list(tmp_path.glob("*.png"))


def test_a_sweep_without_a_near_pair_says_so(few_results, tmp_path):
    text = report_of(few_results[few_results["distance"] == "far"], pd.DataFrame(), tmp_path)
    assert "no near-OOD pair" in section(text, "Near-OOD confusion")
    assert "near-OOD AUROC" not in text


def test_a_single_seed_has_no_spread(few_results, few_confusions, tmp_path):
    text = report_of(
        few_results[few_results["seed"] == 0],
        few_confusions[few_confusions["seed"] == 0],
        tmp_path,
    )
    assert not re.search(r"\d ± \d", text.replace("mean over seeds ±", ""))


def test_confusion_compares_scorers_on_what_they_share(few_confusions, plain_report):
    found = section(text_of(plain_report), "Near-OOD confusion")
    assert "(18 of 28, counting seeds)" in found
    assert "mim / pt / vit_nano" not in found.split("![")[0]
    written = pd.read_csv(plain_report / "confusion_digits_0-5_vs_digits_6-9.csv")
    assert set(written["n_cells"]) == {18}
    # knn exists on headless representations too; its counts must leave those out.
    with_head = (few_confusions["pretext"] == "classification") | (
        few_confusions["finetune"] == "pt+ft"
    )
    knn = few_confusions[with_head & (few_confusions["scorer"] == "knn(k=10)")]
    expected = knn.groupby(["ood_class", "id_class"])["accepted"].mean()
    ours = written[written["scorer"] == "knn(k=10)"].set_index(["ood_class", "id_class"])
    np.testing.assert_allclose(ours["accepted"], expected.to_numpy())


def test_ensembles_are_stages_of_their_own_everywhere(
    joined_results, few_results, few_confusions, plain_report, tmp_path
):
    results = joined_results[joined_results["scorer"].isin(few_results["scorer"])]
    near = results[results["seed"].isna() & (results["distance"] == "near")]
    keys = few_results[(few_results["seed"] == 0) & (few_results["distance"] == "near")]
    renamed = dict(zip(keys["cell_key"], near["cell_key"], strict=True))
    confused = few_confusions[few_confusions["cell_key"].isin(renamed)]
    confused = confused.assign(
        cell_key=confused["cell_key"].map(renamed),
        finetune=confused["finetune"] + " × 2 seeds",
        seed=pd.NA,
        accepted=0,
    )
    text = report_of(results, pd.concat([few_confusions, confused]), tmp_path)
    alone = text_of(plain_report)
    assert "2 fine-tuning stages (pt, pt+ft) × " in text
    assert "2 seeds (0, 1), and ensembles of 2 of them, on digits:0-5" in text
    assert "An ensemble (`× n seeds`) is a fine-tuning stage of its own" in text
    assert "ensemble" not in alone
    # What is averaged over representations is as it was without them.
    for name in (
        "auroc_near_pretext.csv",
        "fpr95_far_pretext.csv",
        "auroc_distance_ood_set.csv",
        "differences_far_finetune.csv",
        "confusion_digits_0-5_vs_digits_6-9.csv",
        "auroc_by_pretext.png",
    ):
        assert (tmp_path / name).read_bytes() == (plain_report / name).read_bytes(), name
    # What is listed by representation has them, too.
    fewest = pd.read_csv(tmp_path / "confusion_digits_0-5_vs_digits_6-9_by_representation.csv")
    assert fewest.iloc[0]["finetune"].endswith(" × 2 seeds")
    assert "classification / pt × 2 seeds / " in text.split("**Found.**")[1].split("##")[0]


def test_missing_confusions_are_counted(few_results, few_confusions, tmp_path):
    first = few_confusions["cell_key"].iloc[0]
    text = report_of(few_results, few_confusions[few_confusions["cell_key"] != first], tmp_path)
    assert "Incomplete: 73 of 74 near-OOD cells are counted." in text


def test_several_id_sets_are_never_mixed(few_results, few_confusions, tmp_path):
    other = {"id_set": "letters", "ood_set": "greek"}
    near = few_results["distance"] == "near"
    more = few_results[near].assign(**other, cell_key="a" + few_results["cell_key"].str[1:])
    more_confusions = few_confusions.assign(
        **other, cell_key="a" + few_confusions["cell_key"].str[1:]
    )
    text = report_of(
        pd.concat([few_results, more]), pd.concat([few_confusions, more_confusions]), tmp_path
    )
    assert "AUROC, %: id set × pretext × scorer" in text
    assert "### letters against greek" in text
    assert (tmp_path / "auroc_by_pretext_letters.png").exists()
    assert (tmp_path / "confusion_letters_vs_greek.png").exists()


def test_an_empty_frame_is_refused(few_results, tmp_path):
    with pytest.raises(InputError, match="no cells"):
        report_of(few_results.iloc[:0], pd.DataFrame(), tmp_path)


def test_aggregation_needs_no_heavy_library_beside_its_own():
    code = (
        "import sys, mood_sweeps.aggregation.report, mood_sweeps.aggregation.terminal_table\n"
        "heavy = {'torch', 'timm', 'ray', 'mlflow', 'sqlalchemy', 'sklearn', 'matplotlib.pyplot'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    code = "import sys, mood_sweeps.aggregation.confusion_tables\n"
    code += "import mood_sweeps.aggregation.terminal_table\n"
    code += "print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_notes_are_told_with_how_many_numbers_say_them(few_results, few_confusions, tmp_path):
    notes = [None] * len(few_results)
    notes[:3] = ["tuned by chance", "fitted on train; tuned by chance", "fitted on train"]
    text = report_of(few_results.assign(note=notes), few_confusions, tmp_path)
    said = text.split("### Notes on numbers\n\n")[1].split("\n\n")[0]
    assert said == "- fitted on train: 2 cells\n- tuned by chance: 2 cells"
    assert "tuned by chance" in (tmp_path / "cells.csv").read_text()


def test_notes_that_differ_in_a_share_alone_are_told_together(
    few_results, few_confusions, tmp_path
):
    notes = [None] * len(few_results)
    notes[:4] = [
        "12% of the OOD scores are tied at one value",
        "knn(k=0.5) selected on a; 1.2% of the OOD scores are tied at one value",
        "knn(k=0.7) selected on a; 1.2% of the ID test scores are tied at one value",
        "5.0% of the OOD scores are tied at one value",
    ]
    text = report_of(few_results.assign(note=notes), few_confusions, tmp_path)
    said = text.split("### Notes on numbers\n\n")[1].split("\n\n")[0]
    assert said.splitlines() == [
        "- 1.2% … 12% of the OOD scores are tied at one value: 3 cells",
        "- 1.2% of the ID test scores are tied at one value: 1 cells",
        "- knn(k=0.5) selected on a: 1 cells",
        "- knn(k=0.7) selected on a: 1 cells",
    ]


def test_average_precision_is_in_the_cells_beside_aupr(plain_report):
    assert "`ap_in`" in text_of(plain_report)
    assert {"aupr_in", "ap_in", "ap_out"} <= set(pd.read_csv(plain_report / "cells.csv").columns)
