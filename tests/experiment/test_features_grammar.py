"""``features:`` of an experiment file: what it reads, and its errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment import Pair, Sweep, load_sweep
from tests.support.external_feature_cases import EXPERIMENT, arrays_of, write_sets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sets(tmp_path)
    return tmp_path


def load(folder: Path, text: str = EXPERIMENT) -> Sweep:
    file = folder / "mine.yaml"
    file.write_text(text)
    return load_sweep(file)


def problems_of(folder: Path, text: str) -> tuple[Problem, ...]:
    try:
        load(folder, text)
    except InputError as error:
        return error.problems
    return ()


def test_relative_paths_start_at_the_experiments_folder(folder: Path) -> None:
    (one,) = load(folder).features
    assert (one.name, one.id_set) == ("beit", "pets")
    assert one.pairs == (Pair("pets", "foxes", "near"), Pair("pets", "noise", "far"))
    assert set(one.sets) == {
        ("pets", "train"),
        ("pets", "val"),
        ("pets", "test"),
        ("foxes", "all"),
        ("noise", "all"),
    }
    assert one.sets["pets", "train"].files == (("file", str(folder / "train.npz")),)
    assert all(given.has_labels and given.has_logits for given in one.sets.values())
    assert one.where.endswith("mine.yaml:3")


def test_headers_tell_what_files_hold_without_reading_the_arrays(folder: Path) -> None:
    arrays = arrays_of()
    np.savez(folder / "near.npz", features=arrays["near"]["features"])
    np.save(folder / "train.npy", arrays["train"]["features"])
    np.save(folder / "train_labels.npy", arrays["train"]["labels"])
    text = EXPERIMENT.replace("    head: head.npz\n", "").replace(
        "train: train.npz", "train: {features: train.npy, labels: train_labels.npy}"
    )
    (one,) = load(folder, text).features
    assert not any(given.has_logits for given in one.sets.values())
    assert not one.sets["foxes", "all"].has_labels
    assert one.sets["pets", "train"].files == (
        ("file", str(folder / "train.npy")),
        ("labels", str(folder / "train_labels.npy")),
    )
    assert one.sets["pets", "train"].has_labels


def test_array_values_are_not_read(folder: Path) -> None:
    arrays = arrays_of()
    arrays["far"]["features"][3] = np.nan
    write_sets(folder, arrays)
    assert problems_of(folder, EXPERIMENT) == ()


def test_select_and_exclude_work_with_external_features(folder: Path) -> None:
    text = EXPERIMENT + "select: {on: id_val+ood_val}\nexclude: [{ood: noise, scorer: msp}]\n"
    sweep = load(folder, text.replace("    far:", "    ood_val: {other: other.npz}\n    far:"))
    assert sweep.features[0].ood_val == ("other",)
    assert "knn(selected)" in [scorer.label for scorer in sweep.scorers]
    assert [rule.label for rule in sweep.exclude] == ["exclude {ood: noise, scorer: msp}"]


# (text of the file, its replacement, line, phrases of the one problem)
WRONG = [
    ("train: train.npz", "train: trian.npz", 4, ["no such file", "did you mean", "train.npz"]),
    ("head: head.npz", "head: train.npz", 5, ["train.npz", "has no weight"]),
    ("{foxes: near.npz}", "{foxes: head.npz}", 6, ["head.npz", "has no features"]),
    ("{foxes: near.npz}", "{foxes: wide.npz}", 6, ["wide.npz, 'features'", "9 dimensions"]),
    ("{foxes: near.npz}", "{foxes: whole.npz}", 6, ["floats", "int64"]),
    ("{foxes: near.npz}", "{foxes: flat.npz}", 6, ["must be (N, D)", "(40,)"]),
    ("{foxes: near.npz}", "{foxes: few.npz}", 6, ["must be (40,), one label a row", "(3,)"]),
    ("{foxes: near.npz}", "{foxes: near.csv}", 6, ["unknown format", ".npz"]),
    ("{foxes: near.npz}", "near.npz", 6, ["'near' must be a mapping of names to files"]),
    ("{foxes: near.npz}", "{foxes: 3}", 6, ["must be a file, not the number 3"]),
    ("{foxes: near.npz}", "{pets: near.npz}", 6, ["ID and OOD are the same set, 'pets'"]),
    ("{noise: far.npz}", "{foxes: far.npz}", 7, ["'foxes' is listed twice", "mine.yaml:6"]),
    ("{foxes: near.npz}", "{'a|b': near.npz}", 6, ["cannot be 'a|b'", "allowed"]),
    ("name: beit", "name: be/it", 3, ["cannot be 'be/it'", "allowed"]),
    ("    near:", "    neer:", 6, ["unknown key", "'neer'", "did you mean 'near'"]),
    ("val: val.npz,", "vall: val.npz,", 4, ["unknown key of 'id'", "did you mean 'val'"]),
    ("test: test.npz", "tests: test.npz", 4, ["unknown key of 'id' 'tests'"]),
    ("{knn: {k: [1, 5]}}", "mspp", 9, ["unknown scorer 'mspp'", "did you mean 'msp'"]),
    ("axes:\n", "axes:\n  backbone: [vit_nano]\n", 9, ["'backbone'", "only axis is 'scorer'"]),
    ("axes:\n", "pairs: []\naxes:\n", 8, ["'pairs' and 'features' exclude each other"]),
    ("axes:\n", "corpus: digits\naxes:\n", 8, ["'corpus' and 'features' exclude each other"]),
    ("axes:\n", "intermediate: digits\naxes:\n", 8, ["'intermediate' and 'features' exclude"]),
    ("axes:\n", "exclude: [{seed: 0}]\naxes:\n", 8, ["no seed 0"]),
    ("axes:\n", "exclude: [{pretext: biet}]\naxes:\n", 8, ["no pretext 'biet'", "'beit'"]),
    ("    far:", "    ood_val: {other: other.npz}\n    far:", 4, ["is not used"]),
]


@pytest.mark.parametrize(("old", "new", "line", "phrases"), WRONG)
def test_one_error_is_one_problem_on_its_line(
    folder: Path, old: str, new: str, line: int, phrases: list[str]
) -> None:
    near = arrays_of()["near"]["features"]
    np.savez(folder / "wide.npz", features=np.ones((40, 9), np.float32))
    np.savez(folder / "whole.npz", features=np.ones((40, 8), np.int64))
    np.savez(folder / "flat.npz", features=near[:, 0])
    np.savez(folder / "few.npz", features=near, labels=np.arange(3))
    (folder / "near.csv").write_text("1,2")
    assert EXPERIMENT.count(old) == 1
    found = problems_of(folder, EXPERIMENT.replace(old, new))
    (problem, *others) = found
    # A misspelt key also makes the right key missing, and a head without weight has no bias.
    consequences = ("required", "needs OOD", "has no bias")
    assert all(any(one in other.message for one in consequences) for other in others)
    assert problem.where.endswith(f"mine.yaml:{line}")
    for phrase in phrases:
        assert phrase in problem.message


def test_all_problems_are_reported_at_once(folder: Path) -> None:
    text = (
        EXPERIMENT.replace("train.npz", "gone.npz")
        .replace("near.npz", "gone_too.npz")
        .replace("msp,", "mspp,")
    )
    messages = [problem.message for problem in problems_of(folder, text)]
    assert len(messages) == 3
    for phrase in ("gone.npz", "gone_too.npz", "mspp"):
        assert any(phrase in message for message in messages)


def test_one_pair_has_one_distance(folder: Path) -> None:
    second = """\
  - name: dino
    id: {name: pets, train: val.npz, test: other.npz}
    far: {foxes: near.npz}
axes:
"""
    (problem,) = problems_of(folder, EXPERIMENT.replace("axes:\n", second))
    assert problem.where.endswith("mine.yaml:10")
    assert "'foxes' is 'far' here and 'near' at" in problem.message


def test_a_repeated_representation_is_reported(folder: Path) -> None:
    lines = EXPERIMENT.splitlines(keepends=True)
    text = "".join((*lines[:7], *lines[2:7], *lines[7:]))
    (problem,) = problems_of(folder, text)
    assert "'beit' on 'pets' is listed twice" in problem.message
