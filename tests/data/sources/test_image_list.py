"""Lists as OpenOOD and MOODv2 write them, and as people do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mood_sweeps.data.user_set import UserSet
from mood_sweeps.errors import InputError
from tests.support.image_folders import defined_set, save_images

NAMES = ("b/1.png", "a/2.png", "a/1.png", "c 1.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return save_images(tmp_path / "root", NAMES)


def set_of(root: Path, lines: str, **fields: object) -> UserSet:
    (root.parent / "list.txt").write_text(lines)
    raw = {"list": "list.txt", "root": str(root), **fields}
    return defined_set(raw, root.parent)


def labels_of(images: UserSet) -> dict[str, str]:
    opened = images.open("all")
    names = [opened.class_names[label] for label in opened.labels]
    return dict(zip(opened.ids, names, strict=True))


def test_labels_are_numbers_in_their_order_or_texts(root: Path) -> None:
    numbers = set_of(root, "b/1.png 10\na/2.png 2\n\na/1.png 7\n")
    assert numbers.classes == ("2", "7", "10")
    assert labels_of(numbers) == {"a/1.png": "7", "a/2.png": "2", "b/1.png": "10"}
    texts = set_of(root, "b/1.png 10\n a/2.png   zebra \nc 1.png\tbig cat\n")
    assert texts.classes == ("10", "big cat", "zebra")
    assert labels_of(texts)["c 1.png"] == "big cat"


def test_the_images_are_those_of_the_files(root: Path) -> None:
    images = set_of(root, "b/1.png 1\na/2.png 0\n").open("all")
    for id_, pixels in zip(images.ids, images.read(np.arange(2)), strict=True):
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(root / id_)))


@pytest.mark.parametrize("lines", ["b/1.png\nc 1.png\n", "b/1.png -1\nc 1.png -1\n"])
def test_images_without_labels_are_one_class(root: Path, lines: str) -> None:
    assert labels_of(set_of(root, lines)) == {"b/1.png": "unlabelled", "c 1.png": "unlabelled"}


def test_classes_can_be_named(root: Path) -> None:
    lines = "b/1.png 1\na/1.png 0\na/2.png 0\n"
    listed = set_of(root, lines, class_names=["zebra", "ant"])
    assert listed.classes == ("zebra", "ant")
    assert labels_of(listed)["b/1.png"] == "ant"
    mapped = set_of(root, lines, class_names={0: "zebra", "1": "ant"})
    assert mapped.classes == listed.classes
    with pytest.raises(InputError, match="no image is of class 'cow'"):
        set_of(root, lines, class_names=["zebra", "ant", "cow"])
    with pytest.raises(InputError, match="no name for '1'"):
        set_of(root, lines, class_names=["zebra"])


def test_a_list_for_each_split(root: Path) -> None:
    (root.parent / "train.txt").write_text("b/1.png 0\na/2.png 1\n")
    (root.parent / "test.txt").write_text("a/1.png 1\n")
    raw = {"list": {"test": "test.txt", "train": "train.txt"}, "root": "root"}
    images = defined_set(raw, root.parent)
    assert images.splits == ("train", "test", "all")
    assert list(images.open("train").ids) == ["a/2.png", "b/1.png"]
    assert list(images.open("test").ids) == ["a/1.png"]


def test_neither_order_nor_spelling_of_paths_makes_another_set(root: Path) -> None:
    one = set_of(root, "b/1.png 1\na/2.png 0\n")
    other = set_of(root, f"./a//2.png 0\n{root}/b/1.png 1\n")
    assert one.fingerprint == other.fingerprint
    assert list(one.open("all").ids) == list(other.open("all").ids) == ["a/2.png", "b/1.png"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "the list is empty"),
        ("../list.txt 0\n", r"list.txt:1: '../list.txt' is not under"),
        ("b/1.png 0\n/etc/passwd 0\n", "list.txt:2: '/etc/passwd' is not under"),
        ("b/1.png 0\nb/./1.png 1\n", "'b/1.png' is listed twice"),
        ("b/1.png {'label': 3}\n", "list.txt:1: write a label"),
        ("b/1.png 1\na/1.png -1\n", "'-1', which is no label"),
        ("b 0\n", "b: it is no file"),
    ],
)
def test_lines_that_are_wrong_are_named(root: Path, lines: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        set_of(root, lines)


def test_missing_files_are_all_named_up_to_a_hundred(root: Path) -> None:
    with pytest.raises(InputError) as refused:
        set_of(root, "b/1.png 0\n" + "".join(f"no/{i}.png 0\n" for i in range(250)))
    assert len(refused.value.problems) == 101
    assert "no/0.png: No such file" in str(refused.value)
    assert "… and 150 more" in str(refused.value)


def test_bytes_that_are_no_text_are_refused(root: Path) -> None:
    (root.parent / "list.txt").write_bytes(b"b/1.png 0\n\xff\xfe 1\n")
    raw = {"list": "list.txt", "root": "root"}
    with pytest.raises(InputError, match="no UTF-8 text"):
        defined_set(raw, root.parent)
