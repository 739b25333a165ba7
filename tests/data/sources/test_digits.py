from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from mood_sweeps.data.sources.digits import SPLIT_FRACTIONS, Digits, select_digits
from mood_sweeps.errors import InputError


def test_pixels_and_labels_are_scikit_learns() -> None:
    original = load_digits()
    ours = Digits().open("all")
    assert ours.images.dtype == np.uint8
    assert ours.labels.dtype == np.int64
    np.testing.assert_array_equal(np.rint(ours.images[..., 0] * (16 / 255)), original.images)
    np.testing.assert_array_equal(ours.labels, original.target)
    assert ours.images.max() == 255


def test_a_selection_holds_exactly_its_digits_relabelled_from_zero() -> None:
    original = load_digits()
    ours = select_digits("6-9").open("all")
    kept = original.target >= 6
    np.testing.assert_array_equal(ours.labels, original.target[kept] - 6)
    np.testing.assert_array_equal(
        ours.images[..., 0], np.rint(original.images[kept] * (255 / 16)).astype(np.uint8)
    )
    assert ours.class_names == ("6", "7", "8", "9")


def test_splits_are_disjoint_cover_everything_and_have_the_documented_sizes() -> None:
    digits = select_digits("0-5")
    masks = {split: digits._mask(split) for split in ("train", "val", "test")}
    np.testing.assert_array_equal(
        sum(mask.astype(int) for mask in masks.values()), digits._mask("all")
    )
    assert {split: digits.size(split) for split in masks} == {"train": 541, "val": 109, "test": 433}


def test_splits_are_stratified() -> None:
    everything = np.bincount(Digits().open("all").labels)
    for split, fraction in SPLIT_FRACTIONS.items():
        counts = np.bincount(Digits().open(split).labels)
        assert np.abs(counts - fraction * everything).max() <= 1


def test_the_split_of_an_image_does_not_depend_on_the_classes_selected() -> None:
    whole, part = Digits().open("test"), select_digits("3").open("test")
    np.testing.assert_array_equal(whole.images[whole.labels == 3], part.images)


def test_the_split_is_pinned() -> None:
    assert np.flatnonzero(Digits()._mask("val"))[:8].tolist() == [2, 4, 11, 15, 18, 28, 34, 49]


@given(st.sets(st.integers(0, 9), min_size=1))
def test_a_name_reads_back_as_the_same_set(digits: set[int]) -> None:
    chosen = Digits(tuple(sorted(digits)))
    _, _, selection = chosen.name.partition(":")
    assert (select_digits(selection) if selection else Digits()) == chosen


@pytest.mark.parametrize(
    ("selection", "name"),
    [("0-9", "digits"), ("5,0-4", "digits:0-5"), ("0,2,4", "digits:0,2,4"), ("1,2", "digits:1-2")],
)
def test_names_are_canonical(selection: str, name: str) -> None:
    assert select_digits(selection).name == name


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("", "selects no class"),
        ("5-3", "backwards"),
        ("0-10", "leaves the classes 0-9"),
        ("a-b", "neither a digit nor a range"),
        ("0,,1", "neither a digit nor a range"),
        ("0-3,2,3", "lists 2, 3 twice"),
        ("-1", "neither a digit nor a range"),
    ],
)
def test_bad_selections_are_refused(selection: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        select_digits(selection)


def test_fingerprints_tell_sets_apart_and_are_stable() -> None:
    assert select_digits("0-5").fingerprint == select_digits("5,4,3,2,1,0").fingerprint
    assert select_digits("0-5").fingerprint != select_digits("6-9").fingerprint


def test_unknown_split() -> None:
    with pytest.raises(InputError, match="allowed: train, val, test, all"):
        Digits().open("valid")
