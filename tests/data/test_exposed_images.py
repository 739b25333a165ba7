from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from mood_sweeps.data import image_set
from mood_sweeps.data.exposed_images import Exposure, exposed_among, sample_indices, smallest_class
from mood_sweeps.data.image_set import ImageArray

NEAR = image_set("digits:6-9")
WHOLE = NEAR.open("all")


def classes_at(places: tuple[int, ...]) -> dict[str, int]:
    counts = np.bincount(WHOLE.labels[list(places)], minlength=4)
    return dict(zip(WHOLE.class_names, counts.tolist(), strict=True))


def test_k_of_each_class_are_drawn_the_same_every_time() -> None:
    for k in (1, 2, 3, 10):
        places = sample_indices(WHOLE, k, 0)
        assert classes_at(places) == dict.fromkeys("6789", k)
        assert places == tuple(sorted(set(places))) == sample_indices(NEAR.open("all"), k, 0)
    assert sample_indices(WHOLE, 0, 0) == ()
    assert sample_indices(WHOLE, 1, 0) == (447, 655, 679, 696)  # pinned: it is in keys


def test_a_smaller_k_is_part_of_a_larger_one() -> None:
    for seed in range(5):
        draws = [set(sample_indices(WHOLE, k, seed)) for k in range(12)]
        assert all(fewer < more for fewer, more in itertools.pairwise(draws))


def test_seeds_draw_differently() -> None:
    assert len({sample_indices(WHOLE, 2, seed) for seed in range(10)}) == 10


def test_what_is_drawn_of_a_class_does_not_depend_on_its_set() -> None:
    nines = image_set("digits:9").open("all")
    alone = nines.images[list(sample_indices(nines, 4, 3))]
    places = [place for place in sample_indices(WHOLE, 4, 3) if WHOLE.labels[place] == 3]
    np.testing.assert_array_equal(alone, WHOLE.images[places])


def test_a_class_smaller_than_k_is_drawn_whole() -> None:
    assert sample_indices(WHOLE, 10_000, 0) == tuple(range(len(WHOLE)))


def test_what_any_seed_draws_is_found_among_the_images_of_its_source() -> None:
    exposure = Exposure(NEAR, 3, (0, 1, 2))
    union = set().union(*(sample_indices(WHOLE, 3, seed) for seed in (0, 1, 2)))
    assert exposed_among(NEAR, [exposure]) == tuple(sorted(union))
    # Of a set that shares one class, those of that class.
    sevens = image_set("digits:7")
    found = exposed_among(sevens, [exposure])
    shown = {WHOLE.images[place].tobytes() for place in union if WHOLE.labels[place] == 1}
    images = sevens.open("all").images
    assert {images[place].tobytes() for place in found} == shown
    assert exposed_among(image_set("digits:0-5"), [exposure]) == ()
    assert exposed_among(image_set("photos"), [exposure]) == ()
    assert exposed_among(NEAR, []) == exposed_among(NEAR, [Exposure(NEAR, 0, (0,))]) == ()


@dataclass(frozen=True)
class Few:
    """Five images, of which the first and the last are copies."""

    name: str = "few"
    source: str = "few"
    classes: tuple[str, ...] = ("a", "b")
    splits: tuple[str, ...] = ("all",)
    fingerprint: str = "0"

    def size(self, split: str) -> int:
        return len(self.open(split))

    def open(self, split: str) -> ImageArray:
        assert split == "all"
        pixels = np.array([7, 1, 2, 3, 7], dtype=np.uint8).reshape(5, 1, 1, 1)
        labels = np.array([0, 1, 1, 1, 1], dtype=np.int64)
        return ImageArray(pixels, labels, self.classes, tuple("abcde"))


def test_a_copy_of_an_exposed_image_counts_as_exposed() -> None:
    # The only image of class "a" is sample_indices, and the last of class "b" is its copy.
    found = exposed_among(Few(), [Exposure(Few(), 1, (0,))])
    assert {0, 4} <= set(found)
    assert len(found) in (2, 3)


@pytest.mark.parametrize(
    ("left_out", "expected"), [((), ("a", 1)), ((0,), ("a", 0)), ((1, 2, 3, 4), ("b", 0))]
)
def test_the_smallest_class(left_out: tuple[int, ...], expected: tuple[str, int]) -> None:
    assert smallest_class(Few().open("all"), left_out) == expected


def test_images_of_another_shape_are_others() -> None:
    @dataclass(frozen=True)
    class Wide(Few):
        def open(self, split: str) -> ImageArray:
            images = super().open(split)
            return dataclasses.replace(images, images=np.full((5, 1, 2, 1), 7, dtype=np.uint8))

    assert exposed_among(Few(), [Exposure(Wide(), 1, (0,))]) == ()
