from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.caref import CARef


def bank(features, predicted, classes=3):
    x = np.array(features, np.float32)
    # The labels are all wrong: only predictions count.
    return FeatureBank(x, np.full(len(x), 7), np.eye(classes, dtype=np.float32)[predicted])


def test_by_hand_with_a_class_that_is_never_predicted():
    train = bank([[1, 1], [3, 1], [4, 6]], [0, 0, 2])
    # Means: (2, 1), none, (4, 6); of all: (8/3, 8/3).
    test = bank([[3, -1], [4, 4], [4, 4]], [0, 2, 1])
    ours = CARef().score(CARef().fit(train, None), test)
    np.testing.assert_allclose(ours, [-3 / 4, -2 / 8, -(8 / 3) / 8], rtol=1e-6)


def test_a_zero_feature_has_no_relative_error():
    state = CARef().fit(bank([[1, 1]], [0]), None)
    with pytest.raises(Undefined, match="1 of 1 scores"):
        CARef().score(state, bank([[0, 0]], [0]))
