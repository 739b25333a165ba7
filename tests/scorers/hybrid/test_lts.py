from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood import detector
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.hybrid.lts import LTS
from mood_sweeps.scorers.logit.energy import Energy


def test_by_hand():
    # Negative activations count as 0: S = (9 / 7)², the logit is scaled as it is.
    bank = FeatureBank(np.array([[2.0, 4.0, -8.0, 3.0]]), np.zeros(1, int), np.array([[5.0]]))
    np.testing.assert_allclose(LTS(percentile=50).score({}, bank), [5 * (9 / 7) ** 2])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_sample_without_a_positive_activation_keeps_its_logits():
    features = -np.abs(np.random.default_rng(0).normal(size=(5, 6)))
    features[0] = 0
    bank = FeatureBank(features, np.zeros(5, int), np.arange(15.0).reshape(5, 3))
    np.testing.assert_array_equal(LTS().score({}, bank), Energy().score({}, bank))


@pytest.mark.parametrize("width", [1, 7, 64, 512, 768])
def test_takes_as_many_activations_as_pytorch_ood(width):
    rng = np.random.default_rng(width)
    features = rng.normal(size=(20, width))
    features[:, 0] = 1
    bank = FeatureBank(features, np.zeros(20, int), rng.normal(size=(20, 4)))
    factor = detector.LTS.scaling_factor(from_numpy(features), 0.05).numpy()
    scaled = FeatureBank(bank.features, bank.labels, bank.logits * factor[:, None])
    np.testing.assert_allclose(LTS().score({}, bank), Energy().score({}, scaled), rtol=1e-12)
