from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.probability.mcm import MCM, MCMPytorchOOD


def test_by_hand():
    bank = FeatureBank(np.ones((1, 1)), np.zeros(1, int), 2 * np.log([[3.0, 1.0]]))
    np.testing.assert_allclose(MCM(tau=2.0).score({}, bank), [0.75])


@pytest.mark.parametrize("tau", [0.01, 1.0])
def test_is_the_largest_softmax_of_cosines_with_the_classes(tau, case):
    x = case.test.features / np.linalg.norm(case.test.features, axis=1, keepdims=True)
    w = case.head.weight / np.linalg.norm(case.head.weight, axis=1, keepdims=True)
    reference = softmax((x @ w.T).astype(np.float64) / tau, axis=1).max(axis=1)
    scorer = MCMPytorchOOD(tau=tau)
    ours = scorer.score(scorer.fit(case.train, case.head), case.test)
    np.testing.assert_allclose(ours, reference, rtol=1e-4)


def test_cosines_forget_lengths_and_bias(case):
    stretch = np.geomspace(0.1, 10, 5, dtype=np.float32)[:, None]
    other = Head(case.head.weight * stretch, case.head.bias + 9)
    longer = FeatureBank(case.test.features * 7, case.test.labels, case.test.logits)
    scorer = MCMPytorchOOD()
    np.testing.assert_allclose(
        scorer.score(scorer.fit(case.train, other), longer),
        scorer.score(scorer.fit(case.train, case.head), case.test),
        rtol=1e-6,
    )
