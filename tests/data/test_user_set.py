"""Images of a defined set are read by index, wherever they are carried."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mood_sweeps.data.image_set import digest_of_ids
from mood_sweeps.data.texts import TextsBuilder
from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError
from tests.support.image_folders import defined_set, save_images

NAMES = [
    f"{split}/{name}/{i}.png" for split in ("train", "test") for name in "ab" for i in range(9)
]


@pytest.fixture
def images(tmp_path: Path) -> UserSet:
    root = save_images(tmp_path, NAMES)
    return defined_set({"folder": str(root)}, root)


def test_an_array_set_and_a_folder_keep_the_contract(images: UserSet, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((5, 4, 4, 3), np.uint8), labels=[1, 0, 1, 0, 2])
    arrays = defined_set({"npz": "a.npz"}, tmp_path)
    for one in (images, arrays):
        assert one.name == one.source
        assert len(one.fingerprint) == 64
        for split in one.splits:
            opened = one.open(split)
            assert len(opened) == one.size(split) == len(opened.labels) == len(opened.ids)
            assert opened.labels.dtype == np.int64
            assert len(set(opened.ids)) == len(opened)
            assert opened.class_names == one.classes
            assert opened.labels.max() == len(one.classes) - 1
    with pytest.raises(InputError, match="no split 'val'; allowed: train, test, all"):
        images.size("val")


def test_indices_choose_in_their_order(images: UserSet) -> None:
    opened = images.open("test")
    some = opened.take(np.array([7, 2, 2]))
    assert list(some.ids) == [opened.ids[7], opened.ids[2], opened.ids[2]]
    assert some.labels.tolist() == [opened.labels[index] for index in (7, 2, 2)]
    for mine, index in zip(some.read(np.array([1, 0])), (2, 7), strict=True):
        np.testing.assert_array_equal(mine, opened.read(np.array([index]))[0])
    assert digest_of_ids(some.ids) == digest_of_ids(list(some.ids))


@pytest.mark.parametrize("split", ["train", "all"])
def test_they_are_the_same_in_another_process(images: UserSet, split: str) -> None:
    opened = images.open(split)
    carried = pickle.loads(pickle.dumps(opened))  # noqa: S301
    assert list(carried.ids) == list(opened.ids)
    np.testing.assert_array_equal(carried.labels, opened.labels)
    every = np.arange(len(opened))
    np.testing.assert_array_equal(carried.read(every), opened.read(every))


def test_mapped_arrays_are_carried_as_a_path(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((1_000, 40, 40, 3), np.uint8))
    opened = defined_set({"npy": "a.npy"}, tmp_path).open("all")
    opened.read(np.array([1]))
    assert len(pickle.dumps(opened)) < 100_000


@pytest.mark.parametrize("texts", [[], ["b", "", "ä/☃", "a"], [str(n) for n in range(70_000)]])
def test_columns_of_texts_are_sequences(texts: Sequence[str]) -> None:
    column = TextsBuilder().add_all(texts).build()
    assert list(column) == list(texts)
    assert len(column) == len(texts)
    assert list(column[1:3]) == list(texts[1:3])
    order = column.order()
    assert list(column.take(order)) == sorted(texts)
    if texts:
        assert column[-1] == texts[-1]
        assert texts[0] in column
    with pytest.raises(IndexError):
        column[len(texts)]
