from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import EnergyBased
from scipy.special import logsumexp
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.logit.energy import Energy


@pytest.mark.parametrize("temperature", [1.0, 0.5, 10.0])
def test_is_scaled_log_sum_exp(case, temperature):
    wide = case.test.logits.astype(np.float64)
    reference = temperature * logsumexp(wide / temperature, axis=1)
    ours = Energy(temperature).score({}, case.test)
    np.testing.assert_allclose(ours, reference, rtol=1e-6)
    wide_bank = FeatureBank(case.test.features, case.test.labels, wide)
    np.testing.assert_allclose(Energy(temperature).score({}, wide_bank), reference, rtol=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_is_pytorch_ood_reversed(case, temperature):
    theirs = -EnergyBased.score(from_numpy(case.test.logits).double(), t=temperature).numpy()
    np.testing.assert_allclose(Energy(temperature).score({}, case.test), theirs, rtol=1e-6)


def test_logits_that_overflow_without_a_shift():
    bank = FeatureBank(np.ones((2, 1)), np.zeros(2, int), np.array([[1e4, 1e4], [-1e4, -1e4]]))
    np.testing.assert_allclose(
        Energy().score({}, bank), [1e4 + np.log(2), -1e4 + np.log(2)], rtol=1e-12
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(InputError, match="temperature"):
        choose({"energy": {"temperature": temperature}}, SCORERS, "scorer")
