from __future__ import annotations

import numpy as np
from pytorch_ood.detector import MaxLogit as PytorchOodMaxLogit
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.logit.max_logit import MaxLogit


def test_by_hand():
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.array([[1.0, -2.0], [-5.0, -4.0]]))
    assert MaxLogit().score({}, bank).tolist() == [1.0, -4.0]


def test_is_pytorch_ood_reversed(case):
    theirs = -PytorchOodMaxLogit.score(from_numpy(case.test.logits)).numpy()
    np.testing.assert_array_equal(MaxLogit().score({}, case.test), theirs)
