from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.fdbd import FDBD, FDBDOpenOOD

HEAD = Head(np.array([[1, 0], [-1, 0], [1, 2]], np.float32), np.array([0, 2, -4], np.float32))


def bank(*features):
    x = np.array(features, np.float32)
    return FeatureBank(x, np.zeros(len(x), int), x @ HEAD.weight.T + HEAD.bias)


@pytest.mark.parametrize(
    ("fdbd", "expected"),
    [
        # x = (5, 0) is of class 0; it lies 4 from the boundary x₁ = 1 with class 1 and 2 from the
        # boundary x₂ = 2 with class 2; μ = (1, 3), so ‖x − μ‖ = 5.
        (FDBD(), (4 + 2) / 2 / 5),
        (FDBD(normaliser="norm"), (4 + 2) / 2 / 5),
        (FDBDOpenOOD(), (4 + 2) / 5),
    ],
)
def test_by_hand(fdbd, expected):
    state = fdbd.fit(bank([0, 3], [2, 3]), HEAD)
    np.testing.assert_allclose(fdbd.score(state, bank([5, 0])), [expected], rtol=1e-6)


def test_the_norm_takes_no_mean():
    state = FDBD(normaliser="norm").fit(bank([9, 9], [2, 3]), HEAD)
    assert not state["centre"].any()


@pytest.mark.parametrize("rows", [[0], [0, 0, 2]])
def test_classes_without_a_boundary_are_undefined(rows):
    head = Head(HEAD.weight[rows], HEAD.bias[rows])
    with pytest.raises(Undefined, match="no decision boundary"):
        FDBD().fit(bank([0, 3], [2, 3]), head)


def test_a_sample_at_the_mean_is_undefined():
    state = FDBD().fit(bank([0, 3], [2, 3]), HEAD)
    with pytest.raises(Undefined, match="1 of 1 scores"):
        FDBD().score(state, bank([1, 3]))
