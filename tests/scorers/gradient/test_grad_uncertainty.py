from __future__ import annotations

import numpy as np

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.gradient.grad_uncertainty import GradUncertainty


def test_by_hand():
    # p = (3/4, 1/4): C·p − 1 = (1/2, −1/2), of squared length 1/2; ‖x‖₂² = 5.
    bank = FeatureBank(np.array([[1.0, -2.0]]), np.zeros(1, int), np.log([[3.0, 1.0]]))
    np.testing.assert_allclose(GradUncertainty().score({}, bank), [(5 + 1) / 2])


def test_a_uniform_prediction_has_no_gradient():
    bank = FeatureBank(np.array([[7.0]]), np.zeros(1, int), np.full((1, 5), 3.0))
    np.testing.assert_allclose(GradUncertainty().score({}, bank), [0], atol=1e-12)
