from __future__ import annotations

import numpy as np
from pytorch_ood.detector import Entropy as PytorchOodEntropy
from scipy.special import softmax
from scipy.stats import entropy, spearmanr
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.probability.entropy import Entropy, EntropyPytorchOOD


def test_is_negative_entropy_in_nats(case):
    reference = -entropy(softmax(case.test.logits.astype(np.float64), axis=1), axis=1)
    np.testing.assert_allclose(Entropy().score({}, case.test), reference, rtol=1e-6)
    wide = FeatureBank(case.test.features, case.test.labels, case.test.logits.astype(np.float64))
    np.testing.assert_allclose(Entropy().score({}, wide), reference, rtol=1e-10)


def test_ranks_as_pytorch_ood_reversed(case):
    # By rank: theirs keeps every probability above a small bound.
    theirs = -PytorchOodEntropy.score(from_numpy(case.test.logits).double()).numpy()
    assert spearmanr(Entropy().score({}, case.test), theirs).statistic > 0.99999


def test_uniform_and_certain_predictions():
    logits = np.array([[0.0] * 4, [5e3, 0, 0, 0]])
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), logits)
    np.testing.assert_allclose(Entropy().score({}, bank), [-np.log(4), 0], atol=1e-15)


def test_bounded_probabilities_are_pytorch_oods(case):
    bank = FeatureBank(case.test.features, case.test.labels, case.test.logits * 9)
    theirs = -PytorchOodEntropy.score(from_numpy(bank.logits).double()).numpy()
    np.testing.assert_allclose(EntropyPytorchOOD().score({}, bank), theirs, rtol=2e-6)


def test_bounded_probabilities_order_certain_predictions_otherwise():
    one_doubt, three_doubts = [1.0, 2.5e-7, 1e-12, 1e-12], [1.0, 9e-8, 9e-8, 9e-8]
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.log([one_doubt, three_doubts]))
    exact, bounded = Entropy().score({}, bank), EntropyPytorchOOD().score({}, bank)
    assert exact[0] > exact[1]
    assert bounded[0] < bounded[1]
