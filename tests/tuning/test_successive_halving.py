from __future__ import annotations

from itertools import permutations

from mood_sweeps.tuning.successive_halving import FAILED, is_wanted, ranked, survivors


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


def test_a_rung_is_open_to_survivors_once_it_is_decided() -> None:
    scores = [[0.5, 0.6], [0.9], [0.1], [0.2]]
    assert [is_wanted(number, 0, scores, 2) for number in range(4)] == [True] * 4
    assert [is_wanted(number, 1, scores, 2) for number in range(4)] == [True, True, False, False]
    assert not any(is_wanted(number, 2, scores, 2) for number in range(4)), "1 is not there yet"
    scores[1].append(0.6)
    assert [is_wanted(number, 2, scores, 2) for number in range(4)] == [True, False, False, False]
    del scores[3][:]
    assert not is_wanted(0, 1, scores, 2)
