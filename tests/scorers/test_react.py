from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import ReAct as PytorchOodReAct
from scipy.special import logsumexp
from torch import from_numpy

from mood_sweeps.scorers import Energy, ReAct


@pytest.mark.parametrize("quantile", [0.99, 0.6])
def test_is_the_energy_of_clipped_activations(case, quantile):
    weight, bias = case.head.weight.astype(np.float64), case.head.bias.astype(np.float64)
    clip = np.quantile(case.train.features.ravel(), quantile)
    reference = logsumexp(np.clip(case.test.features, None, clip) @ weight.T + bias, axis=1)
    react = ReAct(quantile)
    ours = react.score(react.fit(case.train, case.head), case.test)
    np.testing.assert_allclose(ours, reference, rtol=1e-6)


def test_is_pytorch_ood_reversed_at_the_same_threshold(case):
    react = ReAct(0.9)
    state = react.fit(case.train, case.head)
    weight, bias = from_numpy(state["weight"]), from_numpy(state["bias"])
    detector = PytorchOodReAct(
        backbone=None, head=lambda x: x @ weight.T + bias, threshold=float(state["threshold"])
    )
    theirs = -detector.predict_feature_maps(from_numpy(case.test.features).double()).numpy()
    np.testing.assert_allclose(react.score(state, case.test), theirs, rtol=1e-10)


def test_without_clipping_it_is_the_energy(case):
    react = ReAct(quantile=1.0)
    ours = react.score(react.fit(case.train, case.head), case.train)
    np.testing.assert_allclose(ours, Energy().score({}, case.train), rtol=1e-5)
