from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood.detector import ReAct as PytorchOodReAct
from scipy.special import logsumexp
from torch import from_numpy

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.hybrid.react import ReAct, ReActOpenOOD, ReActPooledPytorchOOD
from mood_sweeps.scorers.logit.energy import Energy


@pytest.mark.parametrize("quantile", [0.99, 0.6])
def test_is_the_energy_of_clipped_activations(case, quantile):
    weight, bias = case.head.weight.astype(np.float64), case.head.bias.astype(np.float64)
    clip = np.quantile(case.train.features.ravel(), quantile)
    reference = logsumexp(np.clip(case.test.features, None, clip) @ weight.T + bias, axis=1)
    react = ReAct(quantile)
    ours = react.score(react.fit(case.train, case.head), case.test)
    np.testing.assert_allclose(ours, reference, rtol=1e-6, atol=1e-6)


def test_is_pytorch_ood_reversed_at_the_same_threshold(case):
    react = ReAct(0.9)
    state = react.fit(case.train, case.head)
    weight, bias = from_numpy(case.head.weight).double(), from_numpy(case.head.bias).double()
    detector = PytorchOodReAct(
        backbone=None, head=lambda x: x @ weight.T + bias, threshold=float(state["threshold"])
    )
    theirs = -detector.predict_feature_maps(from_numpy(case.test.features).double()).numpy()
    np.testing.assert_allclose(react.score(state, case.test), theirs, rtol=1e-6)


def test_of_double_features_is_computed_in_double(case):
    react = ReActPooledPytorchOOD()
    wide = FeatureBank(case.test.features.astype(np.float64), case.test.labels)
    logits = np.minimum(wide.features, 1.0) @ case.head.weight.T + case.head.bias
    ours = react.score(react.fit(case.train, case.head), wide)
    np.testing.assert_allclose(ours, logsumexp(logits, axis=1), rtol=1e-13)


def test_without_clipping_it_is_the_energy(case):
    react = ReAct(quantile=1.0)
    ours = react.score(react.fit(case.train, case.head), case.train)
    np.testing.assert_allclose(ours, Energy().score({}, case.train), rtol=1e-5)


def test_openood_is_the_ninetieth_percentile_of_a_validation_split(case):
    assert ReActOpenOOD.fits_on == "id_val"
    threshold = ReActOpenOOD().fit(case.test, case.head)["threshold"]
    assert threshold == np.percentile(case.test.features, 90)


def test_pytorch_ood_clips_at_one_by_hand():
    bank = FeatureBank(np.array([[3.0, 0.5], [-4.0, 1.0]]), np.zeros(2, int))
    head = Head(np.array([[1.0, 2.0]]), np.array([0.25]))
    react = ReActPooledPytorchOOD()
    # min(x, 1) = (1, 0.5) and (−4, 1); a single class has the energy w · x + b.
    np.testing.assert_allclose(react.score(react.fit(bank, head), bank), [2.25, -1.75])
