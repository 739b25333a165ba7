from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mood_sweeps.aggregation.confusion_tables import (
    confusion_by_representation,
    confusion_by_scorer,
    confusion_matrix,
    shared_representations,
    worst_pairs,
)
from mood_sweeps.errors import InputError


def _small(cells: dict[tuple[str, str, int], dict[tuple[str, str], int]]) -> pd.DataFrame:
    """(scorer, pretext, seed) → {(OOD class, ID class): images}; classes of 10 and 20 images."""
    lines = [
        {
            "sweep": "small", "cell_key": f"{scorer}/{pretext}/{seed}", "pretext": pretext,
            "backbone": "vit_nano", "finetune": "pt", "scorer": scorer, "id_set": "id",
            "ood_set": "ood", "distance": "near", "seed": seed, "ood_class": ood_class,
            "id_class": id_class, "accepted": accepted,
            "n_ood_class": {"8": 10, "9": 20}[ood_class],
        }
        for (scorer, pretext, seed), counts in cells.items()
        for (ood_class, id_class), accepted in counts.items()
    ]  # fmt: skip
    return pd.DataFrame(lines)


@pytest.fixture
def small() -> pd.DataFrame:
    return _small(
        {
            ("knn", "mim", 0): {("8", "0"): 4, ("8", "10"): 0, ("9", "0"): 2, ("9", "10"): 6},
            ("knn", "mim", 1): {("8", "0"): 2, ("8", "10"): 2, ("9", "0"): 0, ("9", "10"): 6},
            ("knn", "random", 0): {("8", "0"): 9, ("8", "10"): 1, ("9", "0"): 5, ("9", "10"): 10},
            ("msp", "mim", 0): {("8", "0"): 1, ("8", "10"): 0, ("9", "0"): 0, ("9", "10"): 3},
        }
    )


def test_seeds_are_averaged_before_representations(small):
    frame = confusion_by_scorer(small)
    knn = confusion_matrix(frame[frame["scorer"] == "knn"])
    assert list(knn.columns) == ["0", "10", "accepted", "images", "share"]
    # 8 → 0: mim (4 + 2) / 2 = 3, random 9, so 6; not (4 + 2 + 9) / 3 = 5.
    np.testing.assert_allclose(knn.loc["8"], [6.0, 1.0, 7.0, 10, 0.7])
    np.testing.assert_allclose(knn.loc["9"], [3.0, 8.0, 11.0, 20, 0.55])
    np.testing.assert_allclose(knn.loc["all"], [9.0, 9.0, 18.0, 30, 0.6])
    assert set(frame.loc[frame["scorer"] == "knn", "n_cells"]) == {3}


def test_absent_rows_are_zero_images(small):
    sparse = small[small["accepted"] > 0]
    pd.testing.assert_frame_equal(confusion_by_scorer(sparse), confusion_by_scorer(small))


def test_who_confuses_the_fewest_comes_first(small):
    table = confusion_by_representation(small)
    assert list(zip(table["scorer"], table["pretext"], strict=True)) == [
        ("msp", "mim"),
        ("knn", "mim"),
        ("knn", "random"),
    ]
    np.testing.assert_allclose(table["share"], [4 / 30, (12 + 10) / 60, 25 / 30])
    np.testing.assert_allclose(table["accepted"], [4, 11, 25])
    assert table["sd"].isna().tolist() == [True, False, True]
    assert table.loc[1, "sd"] == pytest.approx(np.std([12 / 30, 10 / 30], ddof=1))
    assert table["n_seeds"].tolist() == [1, 2, 1]


def test_worst_pairs(small):
    frame = confusion_by_scorer(small)
    worst = worst_pairs(frame, ("scorer",), 1)
    found = list(worst[["scorer", "ood_class", "id_class"]].itertuples(index=False, name=None))
    assert found == [("knn", "8", "0"), ("msp", "9", "10")]
    np.testing.assert_allclose(worst["share"], [0.6, 0.15])
    overall = worst_pairs(frame, (), 2)
    np.testing.assert_allclose(overall["share"], [(0.6 + 0.1) / 2, (0.4 + 0.15) / 2])


def test_pairs_that_nothing_confuses_are_no_worst_pairs(small):
    frame = confusion_by_scorer(small.assign(accepted=0))
    assert worst_pairs(frame, (), 5).empty
    assert frame["share"].eq(0).all()


def test_scorers_compare_on_what_they_share(small):
    shared = shared_representations(small)
    assert set(shared["cell_key"]) == {"knn/mim/0", "msp/mim/0"}
    assert shared_representations(small[small["cell_key"] != "knn/mim/0"]).empty


def test_synthetic_counts_agree_with_plain_pandas(full_confusions):
    frame = confusion_by_scorer(full_confusions)
    # Every representation has both seeds here, so one flat mean over cells is the same.
    flat = full_confusions.groupby(["scorer", "ood_class", "id_class"])["accepted"].mean()
    ours = frame.set_index(["scorer", "ood_class", "id_class"])["accepted"]
    np.testing.assert_allclose(ours.loc[flat.index], flat, rtol=1e-12)
    best = confusion_by_representation(full_confusions).iloc[0]
    cells = full_confusions.groupby(["scorer", "pretext", "finetune", "backbone"])["accepted"]
    assert (best["scorer"], best["pretext"], best["finetune"], best["backbone"]) == (
        cells.sum().idxmin()
    )


def test_a_cell_of_two_sweeps_counts_once(small):
    twice = pd.concat([small, small.assign(sweep="again")])
    pd.testing.assert_frame_equal(confusion_by_scorer(twice), confusion_by_scorer(small))


def test_missing_columns_are_named(small):
    with pytest.raises(InputError, match="confusion frame lacks the columns accepted"):
        confusion_by_scorer(small.drop(columns="accepted"))
