from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.hybrid.dice import DICE
from mood_sweeps.scorers.logit.energy import Energy


def test_keeps_the_strongest_connections_by_hand():
    # μ = (2, 1): contributions 2, 5, −6, 0; their median is 1.
    train = FeatureBank(np.array([[1.0, 2.0], [3.0, 0.0]]), np.zeros(2, int))
    head = Head(np.array([[1.0, 5.0], [-3.0, 0.0]]), np.array([0.5, 0.25]))
    dice = DICE(percentile=50)
    state = dice.fit(train, head)
    assert state["weight"].tolist() == [[1, 5], [0, 0]]
    np.testing.assert_allclose(dice.score(state, train), logsumexp([[11.5, 0.25], [3.5, 0.25]], 1))


@pytest.mark.parametrize("percentile", [50, 70, 90])
def test_keeps_its_share_of_the_connections(case, percentile):
    state = DICE(percentile).fit(case.train, case.head)
    kept = state["weight"] != 0
    assert kept.mean() == pytest.approx(1 - percentile / 100, abs=1 / kept.size)
    contributions = case.train.features.mean(axis=0) * case.head.weight
    assert contributions[kept].min() > contributions[~kept].max()
    np.testing.assert_array_equal(state["weight"][kept], case.head.weight[kept])


def test_keeping_nearly_all_is_nearly_the_energy(case):
    dice = DICE(percentile=0)
    state = dice.fit(case.train, case.head)
    # Only the smallest contribution does not exceed the smallest.
    assert np.count_nonzero(state["weight"] == 0) == 1
    ours = dice.score(state, case.test)
    assert np.corrcoef(ours, Energy().score({}, case.test))[0, 1] > 0.9


def test_units_that_are_never_active_lose_all_connections(case):
    features = case.train.features.copy()
    features[:, 3] = 0
    weight = np.abs(case.head.weight)
    train = FeatureBank(np.abs(features), case.train.labels)
    assert (DICE(50).fit(train, Head(weight, case.head.bias))["weight"][:, 3] == 0).all()
