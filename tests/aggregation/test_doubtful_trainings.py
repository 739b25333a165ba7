from __future__ import annotations

import pandas as pd
import pytest

from mood_sweeps.aggregation.doubtful_trainings import doubtful_averages, doubtful_trainings
from mood_sweeps.note import doubt_about, joined
from tests.support.written_reports import report_of, text_of

pytestmark = pytest.mark.usefixtures("without_pixels")


def mark(results: pd.DataFrame, pretext: str, backbone: str, seed: int) -> pd.Series:
    return (
        (results["pretext"] == pretext)
        & (results["backbone"] == backbone)
        & (results["seed"] == seed)
    )


def noted_in(results: pd.DataFrame) -> pd.DataFrame:
    """Return a sweep in which one pretraining, and so all that is behind it, is doubtful."""
    doubt = doubt_about("mocov3 · vit_nano · seed 1", ["the loss did not fall"])
    here = mark(results, "mocov3", "vit_nano", 1)
    results["note"] = None
    results.loc[here, "note"] = joined("5 OOD images left out: exposed to", doubt)
    return results


@pytest.fixture
def noted(results: pd.DataFrame) -> pd.DataFrame:
    return noted_in(results)


def test_a_sweep_whose_trainings_learned_says_nothing(full_results):
    assert doubtful_trainings(full_results).empty
    assert doubtful_averages(full_results, ("pretext",)) == []


def test_a_noted_training_is_named_with_what_rests_on_it(noted):
    (line,) = doubtful_trainings(noted).to_dict("records")
    n_cells = int(mark(noted, "mocov3", "vit_nano", 1).sum())
    assert line == {
        "training": "mocov3 · vit_nano · seed 1",
        "finding": "the loss did not fall",
        "cells": n_cells,
    }


def test_averages_that_hold_it_are_named(noted):
    near = noted[(noted["pretext"] == "mocov3") & (noted["distance"] == "near")]
    doubtful = int(mark(near, "mocov3", "vit_nano", 1).sum())
    (sentence,) = doubtful_averages(noted, ("pretext",), distance="near")
    assert sentence == (
        f"Doubtful trainings are in the averages of: mocov3 ({doubtful} of {len(near)} cells)."
    )
    (by_backbone,) = doubtful_averages(noted, ("pretext", "backbone"), distance="near")
    assert "mocov3 vit_nano (" in by_backbone
    assert "resnet_nano" not in by_backbone


def with_accuracies(results: pd.DataFrame, accuracies: dict[int, float]) -> pd.DataFrame:
    """One representation, its seeds with these accuracies."""
    base = results[mark(results, "mim", "vit_nano", 0) & (results["finetune"] == "pt+ft")]
    parts = []
    for seed, accuracy in accuracies.items():
        cells = base.assign(seed=seed, id_accuracy=accuracy)
        cells["cell_key"] = [f"{key}-{seed}" for key in cells["cell_key"]]
        parts.append(cells)
    return pd.concat(parts, ignore_index=True).astype({"seed": "Int64"})


@pytest.mark.parametrize(
    ("accuracies", "suspected"),
    [
        ({0: 0.61, 1: 0.96, 2: 0.94}, [0]),
        ({0: 0.97, 1: 0.95}, []),
        ({0: 0.97, 1: 0.61}, [1]),
        ({0: 0.80, 1: 0.87, 2: 0.82, 3: 0.85}, []),  # untrained ResNets
        ({0: 0.995, 1: 0.998, 2: 1.0}, []),  # many spreads apart, and as good
        ({0: 0.55, 1: 0.75, 2: 0.95}, []),  # all over the place
        ({0: 1.0, 1: 1.0, 2: 1.0, 3: 0.5}, [3]),
        ({0: 0.5}, []),
    ],
)
def test_a_seed_far_below_the_others(results, accuracies, suspected):
    found = doubtful_trainings(with_accuracies(results, accuracies))
    expected = [f"mim · pt+ft · vit_nano · seed {seed} on digits:0-5" for seed in suspected]
    assert list(found["training"]) == expected
    if suspected:
        assert found["finding"].str.startswith("ID accuracy ").all()


def test_the_report_names_trainings_and_marks_averages(few_results, few_confusions, tmp_path):
    text = report_of(noted_in(few_results), few_confusions, tmp_path)
    assert "## Doubtful trainings" in text
    assert "| mocov3 · vit_nano · seed 1 | the loss did not fall |" in text
    assert text.count("> Doubtful trainings are in the averages of: ") == 8
    assert (tmp_path / "doubtful_trainings.csv").exists()


def test_a_report_without_doubts_has_no_such_section(plain_report):
    assert "oubtful" not in text_of(plain_report)
