from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import accuracy


def test_is_scikit_learns():
    rng = np.random.default_rng(0)
    predictions, labels = rng.integers(0, 3, (2, 100))
    assert accuracy(predictions, labels) == accuracy_score(labels, predictions)


def test_of_nothing_is_undefined():
    with pytest.raises(Undefined, match="no samples"):
        accuracy(np.zeros(0, int), np.zeros(0, int))


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match="predictions for"):
        accuracy(np.zeros(2, int), np.zeros(3, int))
