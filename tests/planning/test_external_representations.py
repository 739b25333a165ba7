"""Plans over features that are given: keys are of content, and rules say what features lack."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.planning.plan import Plan
from tests.support.external_feature_cases import EXPERIMENT, arrays_of, write_sets
from tests.support.small_launches import plan_in


def keys(plan: Plan) -> dict[str, str]:
    return {stage.label: stage.key for stage in plan.stages()}


def bank_keys(plan: Plan) -> set[str]:
    return {bank.key for one in plan.representations for bank in one.banks.values()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sets(tmp_path)
    return tmp_path


def test_cells_and_stages_of_the_example(folder: Path) -> None:
    plan = plan_in(EXPERIMENT, folder)
    assert len(plan.cells) == 2 * 5
    # kl_matching learns from ID validation.
    assert plan.stage_counts()["given"] == 1 + 5
    (one,) = plan.representations
    assert (one.pretext, one.backbone, one.finetune, one.seed) == (
        "beit",
        "features",
        "given",
        None,
    )
    assert one.predictions == "head"


def test_a_key_is_of_bytes_not_of_names_or_places(folder: Path, tmp_path: Path) -> None:
    here = plan_in(EXPERIMENT, folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in folder.glob("*.npz"):
        shutil.copy(file, elsewhere / f"my_{file.name}")
    text = EXPERIMENT.replace("beit", "renamed").replace("noise", "static")
    for name in ("train", "val", "test", "head", "near", "far"):
        text = text.replace(f"{name}.npz", f"my_{name}.npz")
    there = plan_in(text, elsewhere)
    assert sorted(keys(here).values()) == sorted(keys(there).values())
    assert {cell.evaluation_key for cell in here.cells} == {
        cell.evaluation_key for cell in there.cells
    }


@pytest.mark.parametrize("changed", ["train", "test", "near", "far", "head"])
def test_other_bytes_are_other_keys(folder: Path, changed: str) -> None:
    before = plan_in(EXPERIMENT, folder)
    arrays = arrays_of()
    array = next(iter(arrays[changed].values()))
    array[0, 0] += 1
    np.savez(folder / f"{changed}.npz", **arrays[changed])
    after = plan_in(EXPERIMENT, folder)
    moved = {label for label, key in keys(before).items() if keys(after)[label] != key}
    names = {"near": "foxes/all", "far": "noise/all"}.get(changed, f"pets/{changed}")
    if changed == "head":
        assert moved == set(keys(before))
    else:
        assert {label for label in moved if "/" in label} == {f"{names} of beit"}
    scored = {cell.label: cell.evaluation_key for cell in before.cells}
    same = {cell.label for cell in after.cells if scored[cell.label] == cell.evaluation_key}
    # Of train, what learns from ID validation knows nothing.
    kept = {"near": "vs noise", "far": "vs foxes", "train": "kl_matching"}.get(changed)
    assert same == {label for label in scored if kept and kept in label}


def test_one_more_ood_set_keeps_what_there_is(folder: Path) -> None:
    before = plan_in(EXPERIMENT, folder)
    after = plan_in(EXPERIMENT.replace("{noise:", "{other: other.npz, noise:"), folder)
    assert keys(before).items() < keys(after).items()
    assert {one.key for one in before.representations} == {one.key for one in after.representations}


def without(arrays: dict[str, dict[str, Any]], what: str, *sets: str) -> None:
    for name in sets:
        arrays[name].pop(what, None)


EVERY = ("train", "val", "test", "near", "far")
LABELS = "the scorer needs labels: train.npz has no labels"
LOGITS = "the scorer needs logits: test.npz has no logits"
VAL_LOGITS = "the scorer needs logits: val.npz has no logits"
OOD_LOGITS = "the scorer needs logits: far.npz has no logits"
HEAD = "the scorer needs a head: none is given"
NETWORK = "the scorer needs the network: features come without one"
BOTH = f"{LOGITS}; needs the network: features come without one"


def test_a_score_of_maps_is_removed_in_words_that_name_its_pooled_form(folder: Path) -> None:
    write_sets(folder, arrays_of())
    forms = "ash_s@pytorch_ood, ash_s_pooled@pytorch_ood"
    plan = plan_in(EXPERIMENT.replace("{knn: {k: [1, 5]}}", forms), folder)
    assert plan.removed == {
        f"{NETWORK}; ash_s_pooled@pytorch_ood is its form for pooled features": 2
    }
    scorers = {cell.scorer_label for cell in plan.cells}
    assert "ash_s_pooled@pytorch_ood" in scorers
    assert "ash_s@pytorch_ood" not in scorers


@pytest.mark.parametrize(
    ("has_head", "logits", "labelled", "removed", "predictions"),
    [
        (True, (), EVERY, {NETWORK: 2}, "head"),
        (False, EVERY, EVERY, {NETWORK: 2, HEAD: 2}, "head"),
        (
            False,
            ("train", "val", "test", "near"),
            EVERY,
            {NETWORK: 2, HEAD: 2, OOD_LOGITS: 2},
            "head",
        ),
        (
            False,
            (),
            EVERY,
            {BOTH: 2, HEAD: 2, LOGITS: 2, VAL_LOGITS: 2},
            "nearest class mean",
        ),
        (False, (), (), {BOTH: 2, HEAD: 2, LOGITS: 2, VAL_LOGITS: 2, LABELS: 2}, "none"),
        (True, (), (), {NETWORK: 2, LABELS: 2}, "head"),
        # What learns nothing asks nothing of ID train.
        (False, ("test", "near", "far"), EVERY, {NETWORK: 2, HEAD: 2, VAL_LOGITS: 2}, "head"),
    ],
)
def test_scorers_that_lack_something_are_removed_by_rule(
    folder: Path,
    has_head: bool,
    logits: tuple[str, ...],
    labelled: tuple[str, ...],
    removed: dict[str, int],
    predictions: str,
) -> None:
    arrays = arrays_of()
    head = arrays["head"]
    for name in logits:
        arrays[name]["logits"] = arrays[name]["features"] @ head["weight"].T + head["bias"]
    without(arrays, "labels", *(set(EVERY) - set(labelled)))
    write_sets(folder, arrays)
    text = EXPERIMENT.replace("{knn: {k: [1, 5]}}", "rmd, odin, knn")
    text = text if has_head else text.replace("    head: head.npz\n", "")
    plan = plan_in(text, folder)
    assert {rule.replace(f"{folder}/", ""): n for rule, n in plan.removed.items()} == removed
    assert plan.representations[0].predictions == predictions
    assert sum(plan.removed.values()) + len(plan.cells) == 12


def test_an_id_set_without_validation_fits_on_train_and_says_so(folder: Path) -> None:
    plan = plan_in(EXPERIMENT.replace(" val: val.npz,", ""), folder)
    notes = {cell.scorer_label: cell.fit.note for cell in plan.cells}  # type: ignore[union-attr]
    assert notes["kl_matching@openood"] == "fitted on ID train: there is no ID validation set"
    assert notes["msp"] == ""


def test_excluded_cells_are_counted(folder: Path) -> None:
    plan = plan_in(EXPERIMENT + "exclude: [{ood: noise, scorer: knn}]\n", folder)
    assert plan.removed == {"exclude {ood: noise, scorer: knn}": 2}


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ("far.npz", "near.npz", "'noise' and 'foxes' are files of the same content"),
        ("near.npz", "test.npz", "'foxes' and 'pets' are files of the same content"),
    ],
)
def test_one_file_under_two_names_is_refused(folder: Path, old: str, new: str, phrase: str) -> None:
    with pytest.raises(InputError, match=phrase):
        plan_in(EXPERIMENT.replace(old, new), folder)


def test_a_validation_set_is_no_test_set_under_another_name(folder: Path) -> None:
    shutil.copy(folder / "near.npz", folder / "copy.npz")
    text = EXPERIMENT.replace("    far:", "    ood_val: {other: copy.npz}\n    far:")
    with pytest.raises(InputError, match="must not be chosen on a test set"):
        plan_in(text + "select: {on: id_val+ood_val}\n", folder)


def test_one_representation_under_two_labels_is_refused(folder: Path) -> None:
    lines = EXPERIMENT.splitlines(keepends=True)
    second = [line.replace("beit", "again").replace("noise: far", "other: other") for line in lines]
    text = "".join((*lines[:7], *second[2:7], *lines[7:]))
    with pytest.raises(InputError, match="'again' is 'beit' again"):
        plan_in(text, folder)
