from __future__ import annotations

import math

import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.tuning.search import Search
from mood_sweeps.tuning.search_space import Listed, LogUniform, RandInt, Uniform

RATE = ("learning_rate", LogUniform(1e-4, 1e-1))
SMOOTHING = ("label_smoothing", Listed((0.0, 0.1, 0.2)))
BATCH = ("batch_size", RandInt(4, 7))


def test_settings_are_a_function_of_search_and_seed() -> None:
    search = Search(samples=6, space=(SMOOTHING, RATE))
    first = search.settings(0)
    assert len(first) == 6
    assert first == Search(samples=6, space=(SMOOTHING, RATE)).settings(0)
    assert first != search.settings(1)
    # Drawn once and pinned: other settings under an old key would be other weights.
    assert first[0] == {"label_smoothing": 0.0, "learning_rate": 0.07505}


def test_more_samples_begin_with_the_same_settings() -> None:
    few, many = (Search(samples=n, space=(SMOOTHING, RATE)).settings(3) for n in (2, 5))
    assert many[:2] == few


def test_what_can_be_counted_comes_once() -> None:
    search = Search(samples=12, space=(BATCH, SMOOTHING))
    assert search.count == 12
    found = {(each["batch_size"], each["label_smoothing"]) for each in search.settings(0)}
    assert found == {(b, s) for b in (4, 5, 6, 7) for s in (0.0, 0.1, 0.2)}
    some = Search(samples=7, space=(BATCH, SMOOTHING)).settings(0)
    assert len({tuple(each.items()) for each in some}) == 7


def test_ranges_are_spread_as_they_say() -> None:
    rates = [each["learning_rate"] for each in Search(samples=400, space=(RATE,)).settings(0)]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    decades = [math.floor(math.log10(rate)) for rate in rates]
    assert all(80 < decades.count(decade) < 190 for decade in (-4, -3, -2))
    values = [each["x"] for each in Search(samples=400, space=(("x", Uniform(2, 4)),)).settings(0)]
    assert all(2 <= value <= 4 for value in values)
    assert 2.9 < sum(values) / 400 < 3.1
    assert all(float(f"{value:.4g}") == value for value in [*rates, *values])


def test_rungs_grow_by_the_reduction_up_to_the_epochs() -> None:
    assert Search(reduction=2, grace=2).rungs(12) == (2, 4, 8, 12)
    assert Search(reduction=2, grace=2).rungs(8) == (2, 4, 8)
    assert Search(reduction=3, grace=1).rungs(1) == (1,)
    with pytest.raises(InputError, match=r"grace \(5\) is more than the stage's epochs \(4\)"):
        Search(grace=5).rungs(4)
