from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.caref import CARef
from mood_sweeps.scorers.hybrid.cadref import CADRef

CONFIDENCES = {
    "energy": lambda z: logsumexp(z, axis=1),
    "max_logit": lambda z: z.max(axis=1),
    "msp": lambda z: softmax(z, axis=1).max(axis=1),
}


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_divides_the_error_by_the_confidence(case, confidence):
    # Where every weight is positive and every feature below its mean, all of the error lowers the
    # logit; where every feature is above it, all of it raises the logit.
    head = Head(np.abs(case.head.weight) + np.float32(0.1), case.head.bias + 5)
    train = FeatureBank(
        case.train.features, case.train.labels, case.train.features @ head.weight.T + head.bias
    )
    caref, cadref = CARef(), CADRef(confidence)
    means, state = caref.fit(train, None), cadref.fit(train, head)
    confident = CONFIDENCES[confidence]
    for shift, scale in ((-3, confident(train.logits).mean()), (3, None)):
        x = (means["means"][[0, 1, 2, 3, 4]] + shift).astype(np.float32)
        test = FeatureBank(x, np.zeros(5, int), np.eye(5, dtype=np.float32) * 9)
        expected = caref.score(means, test) / (scale or confident(test.logits))
        np.testing.assert_allclose(cadref.score(state, test), expected, rtol=1e-5)


def test_weights_that_are_zero_count_on_neither_side(case):
    weight = case.head.weight.copy()
    weight[:, 3] = 0
    head = Head(weight, case.head.bias)
    cadref = CADRef()
    state = cadref.fit(case.train, head)
    far = case.test.features.copy()
    far[:, 3] *= -1  # the length ‖x‖₁ stays
    moved = FeatureBank(far, case.test.labels, case.test.logits)
    np.testing.assert_allclose(
        cadref.score(state, moved), cadref.score(state, case.test), rtol=1e-9
    )


def test_a_confidence_that_is_negative_on_average_is_undefined(case):
    low = FeatureBank(case.train.features, case.train.labels, case.train.logits - 50)
    with pytest.raises(Undefined, match="not positive"):
        CADRef().fit(low, case.head)
