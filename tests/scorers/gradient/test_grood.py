from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.gradient.grood import GROOD
from tests.support.scorer_references.neighbour_gradient import grood


def score(train, test, **parameters):
    scorer = GROOD(**parameters)
    return scorer.score(scorer.fit(train, None), test)


@pytest.mark.parametrize(("noise", "seed"), [(1, 0), (100, 5)])
def test_is_the_distance_between_gradients_that_autograd_finds(case, noise, seed):
    ours = score(case.train, case.test, noise=noise, seed=seed)
    reference = grood(case, noise=noise, seed=seed)
    np.testing.assert_allclose(ours, reference, rtol=1e-5, atol=1e-7 * np.abs(reference).max())


def test_by_hand():
    # All train features are one point, so are both prototypes: p₀ = ½ and g = ½ (x − P₀) / ‖x − P₀‖
    # everywhere else, 0 at the point itself.
    train = FeatureBank(np.full((4, 2), 3.0), np.zeros(4, int))
    test = FeatureBank(np.array([[3.0, 3.0], [3.0, 9.0], [-7.0, 3.0]]), np.zeros(3, int))
    np.testing.assert_allclose(score(train, test), [0, -0.25, -0.25], atol=1e-12)
    np.testing.assert_allclose(score(train, test, k=4), [0, -0.25, -0.25], atol=1e-12)


def test_the_kth_neighbour_is_further_away(case):
    first, tenth = (score(case.train, case.test, k=k) for k in (1, 10))
    assert (tenth < first).all()


def test_train_samples_nearest_to_another_class_are_no_neighbours(case):
    scorer = GROOD()
    state = scorer.fit(case.train, None)
    apart = case.train.features[:, None] - state["prototypes"][:-1]
    wrong = np.linalg.norm(apart, axis=2).argmin(axis=1) != case.train.labels
    assert 0 < wrong.sum() < 100
    scores = scorer.score(state, case.train)
    np.testing.assert_allclose(scores[~wrong], 0, atol=1e-12)
    assert (scores[wrong] < 0).all()


def test_fewer_correct_train_samples_than_neighbours_are_undefined(case):
    with pytest.raises(Undefined, match=r"no 300-th neighbour among the 2\d\d train features"):
        GROOD(k=300).fit(case.train, None)
