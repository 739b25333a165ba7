from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mood_sweeps.data import image_set
from mood_sweeps.data.catalogue import ImageSets
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.planned_set import PlannedSet, _image_sets
from mood_sweeps.errors import InputError
from tests.support.image_folders import write_images


@pytest.fixture
def sets(tmp_path: Path) -> ImageSets:
    write_images(tmp_path / "pets" / "cat", 0, 6)
    write_images(tmp_path / "pets" / "dog", 120, 6)
    return ImageSets({"pets": read_definition({"folder": "pets"}, tmp_path)})


@pytest.mark.parametrize("name", ["pets", "pets:dog", "pets:cat~2"])
def test_another_process_opens_the_set_that_was_planned(sets: ImageSets, name: str) -> None:
    planned = PlannedSet.of(sets(name))
    _image_sets.cache_clear()
    assert pickle.loads(pickle.dumps(planned)) == planned  # noqa: S301
    carried = PlannedSet.from_json(json.loads(json.dumps(planned.to_json())))
    assert carried == planned
    opened = carried.open()
    assert opened.name == name
    ours, theirs = sets(name).open("all"), opened.open("all")
    assert list(theirs.ids) == list(ours.ids)
    everything = np.arange(len(ours))
    for one, other in zip(ours.read(everything), theirs.read(everything), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_set_that_changed_since_planning_is_refused_by_name(
    sets: ImageSets, tmp_path: Path
) -> None:
    planned = PlannedSet.of(sets("pets:dog"))
    write_images(tmp_path / "pets" / "dog", 120, 1, seed=1)
    _image_sets.cache_clear()
    with pytest.raises(InputError, match="'pets:dog' has changed since it was planned"):
        planned.open()


def test_a_set_that_is_not_on_this_machine_is_refused_by_name(
    sets: ImageSets, tmp_path: Path
) -> None:
    planned = PlannedSet.of(sets("pets"))
    (tmp_path / "pets").rename(tmp_path / "moved")
    _image_sets.cache_clear()
    with pytest.raises(InputError, match="'pets'"):
        planned.open()


def test_a_built_in_set_is_planned_by_its_name() -> None:
    planned = PlannedSet.of(image_set("digits:0-5"))
    assert planned.definition is None
    assert planned.open().name == "digits:0-5"


def test_a_set_that_changed_between_two_plans_is_listed_again(
    sets: ImageSets, tmp_path: Path
) -> None:
    first = PlannedSet.of(sets("pets"))
    assert first.open().size("all") == 12
    write_images(tmp_path / "pets" / "dog", 120, 1, seed=1)
    write_images(tmp_path / "pets" / "bird", 60, 2)
    again = ImageSets({"pets": read_definition({"folder": "pets"}, tmp_path)})
    assert PlannedSet.of(again("pets")).open().size("all") == 14
