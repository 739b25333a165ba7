from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_ood import detector as pytorch_ood

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.pnml import PNML


def score(train, test, head):
    pnml = PNML()
    return pnml.score(pnml.fit(train, head), test)


def test_agrees_with_pytorch_ood(case):
    layer = torch.nn.Linear(*case.head.weight.shape[::-1])
    layer.weight.data = torch.from_numpy(case.head.weight)
    layer.bias.data = torch.from_numpy(case.head.bias)
    known, new = (torch.from_numpy(bank.features) for bank in (case.train, case.test))
    detector = pytorch_ood.PNML(None, layer).fit_features(known, torch.zeros(len(known)))
    theirs = -detector.predict_features(new).numpy()
    # Theirs is float32: the regret is a small difference from log 1.
    np.testing.assert_allclose(score(*case[:2], case.head), theirs, atol=2e-6)


def test_by_hand():
    # Directions e₁ (three times) and e₂ (once): q = 1/3 and 1; the length of a feature is nothing.
    train = FeatureBank(np.array([[1, 0], [2, 0], [3, 0], [0, 5]], np.float32), np.zeros(4, int))
    test = FeatureBank(np.array([[7, 0], [0, 0.1]], np.float32), np.zeros(2, int))
    head = Head(np.zeros((2, 2), np.float32), np.log([0.8, 0.2]).astype(np.float32))
    p = np.array([0.8, 0.2])
    expected = [-np.log2((p / (p + (1 - p) * p**k)).sum()) for k in (1 / 4, 1 / 2)]
    np.testing.assert_allclose(score(train, test, head), expected, rtol=1e-6)


def test_certain_predictions_are_finite():
    train = FeatureBank(np.eye(2, dtype=np.float32), np.zeros(2, int))
    head = Head(np.array([[0, 0], [9000, 0]], np.float32), np.zeros(2, np.float32))
    np.testing.assert_allclose(score(train, train, head)[0], 0, atol=1e-12)


def test_one_class_is_undefined(case):
    with pytest.raises(Undefined, match="one class"):
        PNML().fit(case.train, Head(case.head.weight[:1], case.head.bias[:1]))
