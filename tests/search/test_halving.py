from __future__ import annotations

from itertools import permutations

from mood_sweeps.search.halving import FAILED, ranked, survivors


def test_a_halving_by_hand() -> None:
    # Six trials, η = 2: three go on, then one.
    first = {0: 0.50, 1: 0.80, 2: 0.70, 3: 0.20, 4: 0.90, 5: 0.10}
    assert survivors(first, 2) == (1, 2, 4)
    second = {1: 0.95, 2: 0.96, 4: 0.91}
    assert survivors(second, 2) == (2,)
    assert survivors({2: 0.3}, 2) == (2,)


def test_ties_go_to_the_lower_number_whoever_came_first() -> None:
    for order in permutations(range(4)):
        scores = dict.fromkeys(order, 0.5)
        assert survivors(scores, 2) == (0, 1)
        assert ranked(scores) == [0, 1, 2, 3]


def test_at_least_one_goes_on_and_a_failed_one_only_if_all_failed() -> None:
    assert survivors({0: 0.1, 1: 0.2}, 3) == (1,)
    assert survivors({0: FAILED, 1: 0.0, 2: FAILED, 3: FAILED}, 2) == (1,)
    assert survivors({0: FAILED, 1: FAILED}, 2) == (0,)
