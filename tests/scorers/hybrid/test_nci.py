from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.nci import NCI

HEAD = Head(np.array([[2, 0], [0, 1]], np.float32), np.zeros(2, np.float32))


def bank(*features):
    x = np.array(features, np.float32)
    return FeatureBank(x, np.zeros(len(x), int), x @ HEAD.weight.T)


@pytest.mark.parametrize(("alpha", "length"), [(0.0, 0.0), (0.1, 0.8)])
def test_by_hand(alpha, length):
    # μ = (1, 1); x = (4, 4) is of class 0 and lies 3·(1, 1) from the mean, at 45° from w_0.
    nci = NCI(alpha)
    state = nci.fit(bank([0, 0], [2, 2]), HEAD)
    np.testing.assert_allclose(nci.score(state, bank([4, 4])), [np.sqrt(2) + length], rtol=1e-6)


def test_a_sample_at_the_mean_has_no_direction():
    nci = NCI()
    with pytest.raises(Undefined, match="1 of 2 scores"):
        nci.score(nci.fit(bank([0, 0], [2, 2]), HEAD), bank([1, 1], [4, 4]))
