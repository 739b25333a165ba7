from __future__ import annotations

import numpy as np
from pytorch_ood.detector import MaxSoftmax
from scipy.special import softmax
from scipy.stats import spearmanr
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers import MSP


def test_is_the_largest_softmax_probability(case):
    reference = softmax(case.test.logits.astype(np.float64), axis=1).max(axis=1)
    np.testing.assert_allclose(MSP().score({}, case.test), reference, rtol=1e-12)


def test_by_hand():
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.log([[3.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(MSP().score({}, bank), [0.75, 0.5])


def test_ranks_as_pytorch_ood_reversed(case):
    theirs = -MaxSoftmax.score(from_numpy(case.test.logits).double()).numpy()
    assert spearmanr(MSP().score({}, case.test), theirs).statistic > 1 - 1e-12


def test_does_not_overflow():
    bank = FeatureBank(np.ones((1, 1)), np.zeros(1, int), np.array([[3e4, 0.0]]))
    assert MSP().score({}, bank) == 1.0
