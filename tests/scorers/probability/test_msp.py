from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import MaxSoftmax
from scipy.special import softmax
from scipy.stats import spearmanr
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.probability.msp import MSP, MSPMOODv1


def test_is_the_largest_softmax_probability(case):
    reference = softmax(case.test.logits.astype(np.float64), axis=1).max(axis=1)
    np.testing.assert_allclose(MSP().score({}, case.test), reference, rtol=1e-6)
    wide = FeatureBank(case.test.features, case.test.labels, case.test.logits.astype(np.float64))
    np.testing.assert_allclose(MSP().score({}, wide), reference, rtol=1e-12)


def test_certain_predictions_keep_their_doubt_in_float32():
    leads = np.array([17.0, 20.0, 23.0])
    logits = np.stack([leads, np.zeros(3)], axis=1).astype(np.float32)
    doubts = 1 - MSP().score({}, FeatureBank(np.ones((3, 1)), np.zeros(3, int), logits))
    np.testing.assert_allclose(doubts, np.exp(-leads), rtol=1e-5)


def test_by_hand():
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.log([[3.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(MSP().score({}, bank), [0.75, 0.5])


def test_ranks_as_pytorch_ood_reversed(case):
    theirs = -MaxSoftmax.score(from_numpy(case.test.logits).double()).numpy()
    assert spearmanr(MSP().score({}, case.test), theirs).statistic > 1 - 1e-12


def test_does_not_overflow():
    bank = FeatureBank(np.ones((1, 1)), np.zeros(1, int), np.array([[3e4, 0.0]]))
    assert MSP().score({}, bank) == 1.0


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 1000.0])
def test_divides_the_logits_by_the_temperature(temperature, case):
    reference = softmax(case.test.logits.astype(np.float64) / temperature, axis=1).max(axis=1)
    ours = MSP(temperature).score({}, case.test)
    np.testing.assert_allclose(ours, reference, rtol=1e-6)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_tiny_temperature_leaves_no_doubt():
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.array([[3e4, 0.0], [1.0, 1.0]]))
    assert MSP(1e-307).score({}, bank).tolist() == [1.0, 0.5]


def test_temperature_one_is_the_same_scorer_as_none():
    plain, spelt_out = "msp", {"msp": {"temperature": 1.0}}
    assert choose(plain, SCORERS, "scorer").content == choose(spelt_out, SCORERS, "scorer").content


def test_moodv1_takes_the_largest_logit(case):
    np.testing.assert_array_equal(MSPMOODv1().score({}, case.test), case.test.logits.max(axis=1))
