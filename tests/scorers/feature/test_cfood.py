from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.cfood import CFOOD
from tests.support.scorer_references.neighbours import cfood


def bank(features):
    return FeatureBank(np.asarray(features, dtype=float), np.zeros(0, int))


def at(*degrees):
    """Features of one length at these angles: the larger the angle, the larger the distance."""
    angles = np.deg2rad(degrees)
    return bank(5 * np.column_stack([np.cos(angles), np.sin(angles)]))


def score(train, test, **parameters):
    scorer = CFOOD(**parameters)
    return scorer.score(scorer.fit(train, None), test)


@pytest.mark.parametrize(("alpha", "k"), [(0.1, 0.05), (0.5, 0.01), (1.0, 0.001), (1.0, 0.3)])
def test_is_the_published_procedure(case, alpha, k):
    ours = score(case.train, case.test, alpha=alpha, k=k, seed=3)
    np.testing.assert_allclose(ours, cfood(case, alpha, k, seed=3), rtol=1e-12)


def test_by_hand():
    # Of four references, those at 0, 10, 20 and 180 degrees, the distances to the first, second
    # and third neighbour are (10, 20, 180), (10, 10, 170), (10, 20, 160) and (160, 170, 180). The
    # shares .001 to .5 of 4 mean the first, .5 to .75 the second, and the third from there on.
    train = at(0, 10, 20, 180)
    test = at(5, 31, 45, 190)
    # 5 degrees is a first neighbour of those at 0 and 10; 31 of that at 180, and a second of that
    # at 20; 45 of that at 180, and a third of the rest; 190 is none of those at 10 and 20 at all.
    ours = score(train, test, alpha=1.0, k=0.5)
    np.testing.assert_allclose(ours, [-0.001, -0.5, -0.75, -0.75], rtol=1e-12)
    ours = score(train, test, alpha=1.0, k=1.0)
    np.testing.assert_allclose(ours, [-0.75, -0.75, -0.75, -1], rtol=1e-12)


def test_another_seed_draws_other_references(case):
    assert not np.array_equal(
        CFOOD(seed=0).fit(case.train, None)["references"],
        CFOOD(seed=1).fit(case.train, None)["references"],
    )


def test_a_state_is_small_however_many_references(case):
    state = CFOOD(alpha=1.0).fit(case.train, None)
    assert state["radii"].shape[0] <= 230
    assert state["references"].shape == (300, 16)


def test_a_single_train_feature_has_no_neighbours():
    with pytest.raises(Undefined, match="single train feature"):
        CFOOD().fit(bank([[1.0, 2.0]]), None)


@pytest.mark.parametrize(("k", "is_said"), [(0.01, True), (0.25, False), (0.24, True), (1, False)])
def test_less_than_one_reference_is_said(k, is_said):
    train = at(0, 10, 20, 180)
    scorer = CFOOD(alpha=1.0, k=k)
    said = scorer.notes(scorer.fit(train, None), train)
    few = f"k={k:g} of 4 reference images is less than one: one is enough"
    assert (few in said) == is_said
