from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.hybrid.scale import SCALE, SCALEPooledPytorchOOD


def bank_of(rows, head):
    features = np.array(rows, float)
    logits = features @ head.weight.T + head.bias
    return FeatureBank(features, np.zeros(len(features), int), logits)


def test_by_hand():
    head = Head(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 2.0]]), np.array([0.5, -1.0]))
    bank = bank_of([[1, 4, 2, 3]], head)
    scale = SCALE(percentile=50)
    r = np.exp(10 / 7)
    expected = logsumexp([10 * r + 0.5, 6 * r - 1])
    np.testing.assert_allclose(scale.score(scale.fit(bank, head), bank), [expected])


def test_nothing_but_the_features_is_scaled():
    # The bias is large against W x: scaling the logits themselves would be far off.
    head = Head(np.array([[0.01, 0.02]]), np.array([100.0]))
    bank = bank_of([[1, 3]], head)
    scale = SCALE(percentile=50)
    expected = np.exp(4 / 3) * 0.07 + 100
    np.testing.assert_allclose(scale.score(scale.fit(bank, head), bank), [expected])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_features_without_a_positive_sum_have_a_score():
    head = Head(np.array([[1.0, 10.0, 100.0, 1000.0]]), np.array([1.0]))
    rows = [[0, 0, 0, 0], [2, -2, -5, -7], [-900, 1, -2, -101], [1e-9, 0, 0, -9]]
    bank = bank_of(rows, head)
    scale = SCALE(percentile=50)
    ours = scale.score(scale.fit(bank, head), bank)
    # Unscaled where the two largest sum to 0; exponents of 1002 and −9·10⁹ are cut at ±500.
    third, fourth = bank.logits[2:, 0] - 1
    expected = [1, bank.logits[1, 0], np.exp(500) * third + 1, np.exp(-500) * fourth + 1]
    np.testing.assert_allclose(ours, expected)


def test_a_flatter_sample_is_scaled_more():
    head = Head(np.ones((1, 8)), np.zeros(1))
    bank = bank_of([[8, 0, 0, 0, 0, 0, 0, 0], [1] * 8], head)
    scale = SCALE()
    peaked, flat = scale.score(scale.fit(bank, head), bank)
    assert peaked == pytest.approx(8 * np.e)
    assert flat == pytest.approx(8 * np.exp(8))


def test_percentiles_of_the_variants():
    assert SCALE().percentile == 85
    assert SCALEPooledPytorchOOD().percentile == 65
