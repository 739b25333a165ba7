from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.feature.chebyshev import Chebyshev, ChebyshevMOODv1
from mood_sweeps.scorers.feature.euclidean import Euclidean, EuclideanMOODv1
from mood_sweeps.scorers.feature.minkowski import Minkowski, MinkowskiMOODv1
from tests.support.scorer_cases import score, unlabelled


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (Euclidean(), [0, -5]),
        (Minkowski(), [0, -7]),
        (Minkowski(p=2), [0, -5]),
        (Minkowski(p=3), [0, -(91 ** (1 / 3))]),
        (Chebyshev(), [0, -4]),
    ],
)
def test_by_hand(scorer, expected):
    train = unlabelled([[0, 0], [2, 0], [1, 3]])
    np.testing.assert_allclose(score(scorer, train, unlabelled([[1, 1], [4, 5]])), expected)


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (EuclideanMOODv1(), [-np.sqrt(0.5), -np.sqrt(2.5), -np.sqrt(0.5)]),
        (MinkowskiMOODv1(), [-1, -2, -1]),
        (MinkowskiMOODv1(p=2), [-np.sqrt(0.5), -np.sqrt(2.5), -np.sqrt(0.5)]),
        (ChebyshevMOODv1(), [-0.5, -1.5, -0.5]),
    ],
)
def test_by_hand_of_unit_length(scorer, expected):
    # The mean direction is (½, ½), whatever the lengths; a zero feature stays at the origin.
    train = unlabelled([[70, 0], [0, 0.2]])
    test = unlabelled([[0, 3], [-4, 0], [0, 0]])
    np.testing.assert_allclose(score(scorer, train, test), expected)


@given(st.floats(1, 60), st.sampled_from([1e-15, 1.0, 1e15]))
def test_every_order_and_scale_is_scipys(p, scale):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(20, 5)) * scale, rng.normal(size=(9, 5)) * scale
    expected = -cdist(test / scale, train.mean(axis=0)[None] / scale, "minkowski", p=p)[:, 0]
    ours = score(Minkowski(p=p), unlabelled(train), unlabelled(test))
    np.testing.assert_allclose(ours / scale, expected, rtol=1e-9)


def test_the_mean_itself_is_at_distance_zero_in_any_order():
    assert score(Minkowski(p=3), unlabelled([[1, 1]]), unlabelled([[1, 1]])).tolist() == [0]


def test_an_order_below_one_is_no_norm():
    with pytest.raises(InputError, match="greater than or equal to 1"):
        choose({"minkowski": {"p": 0.5}}, SCORERS, "scorer")
