"""Parts of sets: one canonical name each, and images with the ids of their parent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mood_sweeps.data.catalogue import ImageSets, problem_with_name
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.selections import SelectedSet, note_of, selection_name
from mood_sweeps.errors import InputError
from tests.support.image_folders import save_images

CLASSES = ("ant", "a+b", "cow~1", "50%", "zebra")
NAMES = [
    f"{split}/{name}/{number}.png"
    for split, n in (("train", 8), ("test", 4))
    for name in CLASSES
    for number in range(n)
]


@pytest.fixture
def find(tmp_path: Path) -> ImageSets:
    save_images(tmp_path / "animals", NAMES)
    save_images(tmp_path / "numbers", [f"{number}/1.png" for number in range(12)])
    names = ("animals", "numbers")
    return ImageSets({name: read_definition({"folder": name}, tmp_path) for name in names})


@pytest.mark.parametrize(
    ("raw", "written", "canonical"),
    [
        ({"set": "animals"}, "animals", "animals"),
        ({"set": "animals", "classes": ["zebra", "ant"]}, "animals:zebra+ant", "animals:ant+zebra"),
        ({"set": "animals", "take": 3}, "animals~3", "animals~3"),
        ({"set": "animals", "classes": "ant", "take": 2}, "animals:ant~2", "animals:ant~2"),
        (
            {"set": "animals", "classes": ["cow~1", "a+b", "50%"], "take": 1},
            "animals:cow%7E1+a%2Bb+50%25~1",
            "animals:50%25+a%2Bb+cow%7E1~1",
        ),
        ({"set": "animals", "classes": list(CLASSES)}, None, "animals"),
        ({"set": "numbers", "classes": [10, "1-3"]}, "numbers:10+1-3", "numbers:1+10+2+3"),
        ({"set": "digits", "classes": [5, 0, 1, 2]}, "digits:5+0+1+2", "digits:0-2,5"),
        ({"set": "digits", "classes": "0-5", "take": 7}, "digits:0-5~7", "digits:0-5~7"),
        ({"set": "photos", "take": 7}, "photos~7", "photos~7"),
    ],
)
def test_a_mapping_and_a_text_have_one_canonical_name(
    raw: dict[str, Any], written: str | None, canonical: str, find: ImageSets
) -> None:
    text = selection_name(raw)
    assert written in (None, text)
    images = find(text)
    assert images.name == canonical
    assert find(canonical).fingerprint == images.fingerprint
    for split in images.splits:
        opened = images.open(split)
        assert len(opened) == images.size(split) == len(opened.labels) == len(opened.ids)
        assert opened.class_names == images.classes


def test_the_images_are_those_of_the_parent(find: ImageSets) -> None:
    parent, part = find("animals"), find("animals:zebra+cow%7E1")
    for split in ("train", "test", "all"):
        whole, opened = parent.open(split), part.open(split)
        expected = [id_ for id_ in whole.ids if "/zebra/" in id_ or "/cow~1/" in id_]
        assert list(opened.ids) == expected
        assert [opened.class_names[label] for label in opened.labels] == [
            id_.split("/")[1] for id_ in opened.ids
        ]
        assert isinstance(part, SelectedSet)
        assert list(whole.take(part.places(split)).ids) == expected
        some = np.array([3, 0])
        mine, theirs = opened.take(some), whole.take(part.places(split)[some])
        np.testing.assert_array_equal(mine.read(some[1:]), theirs.read(some[1:]))
    assert part.source == parent.source == "animals"


def test_what_is_taken_grows_with_the_number_and_is_not_the_first(find: ImageSets) -> None:
    few, more = find("animals~5"), find("animals~15")
    for split in ("train", "test"):
        ids = set(few.open(split).ids)
        assert len(ids) == 5
        assert ids < set(more.open(split).ids)
        assert ids != set(list(find("animals").open(split).ids)[:5])
    assert few.fingerprint != more.fingerprint
    assert find("animals~1000").size("test") == 20
    assert list(find("animals~1000").open("test").ids) == list(find("animals").open("test").ids)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("animal", "unknown image set 'animal'; did you mean 'animals'"),
        ("digit", "unknown image set 'digit'; did you mean 'digits'"),
        ("animals:zebr", "no class 'zebr'; did you mean 'zebra'"),
        ("animals:ant+ant", "'ant' is listed twice"),
        ("animals:", "no class ''"),
        ("animals~", "'' is no number"),
        ("animals~0", "'0' is no number"),
        ("animals~many", "'many' is no number"),
        ("numbers:1-99", "no class '1-99'"),
        ("numbers:1-3+2", "'2' is listed twice"),
        ("photos:china", "no classes to select"),
    ],
)
def test_wrong_names_are_refused(name: str, message: str, find: ImageSets) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        find(name)


def test_wrong_mappings_are_refused_all_at_once() -> None:
    with pytest.raises(InputError) as refused:
        selection_name({"set": "a:b", "clases": [1], "classes": [None, "x"], "take": 0})
    assert {problem.inside for problem in refused.value.problems} == {
        *(("clases",), ("set",), ("classes", 0), ("take",)),
    }


def test_names_of_definitions(find: ImageSets) -> None:
    assert problem_with_name("my-set_2.0") == ""
    assert "built-in" in problem_with_name("digits")
    for name in ("a:b", "a~1", "", "a b", "a+b"):
        assert "is no name" in problem_with_name(name)
    assert note_of(find("animals~1")) == note_of(find("digits")) == ""


def test_what_is_wrong_with_a_set_names_the_set(tmp_path: Path) -> None:
    root = save_images(tmp_path / "mine", ["cat/1.png"])
    (root / "cat" / "2.png").write_bytes(b"")
    find = ImageSets({"pets": read_definition({"folder": "mine"}, tmp_path)})
    with pytest.raises(InputError, match=r"image set 'pets': cat/2.png: the file is empty"):
        find("pets:cat")
