from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.projection import Projection, ProjectionMOODv1
from tests.support.scorer_cases import unlabelled


def score(scorer, train, test):
    return scorer.score(scorer.fit(unlabelled(train), None), unlabelled(test))


def test_by_hand_the_length_along_the_mean():
    # The mean is (3, 4).
    ours = score(Projection(), [[0, 8], [6, 0]], [[3, 4], [6, 8], [4, -3], [-5, 0]])
    np.testing.assert_allclose(ours, [5, 10, 0, -3], atol=1e-12)


def test_by_hand_of_unit_length_the_cosine():
    ours = score(ProjectionMOODv1(), [[0, 8], [6, 0]], [[3, 3], [0, 7], [4, -4], [0, 0]])
    np.testing.assert_allclose(ours, [1, np.sqrt(0.5), 0, 0], atol=1e-12)


@pytest.mark.parametrize("scorer", [Projection(), ProjectionMOODv1()])
def test_a_mean_of_zero_has_no_direction(scorer):
    with pytest.raises(Undefined, match="has no direction"):
        scorer.fit(unlabelled([[1, 2], [-1, -2]]), None)
