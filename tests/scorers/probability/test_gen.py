from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood import detector as pytorch_ood
from scipy.special import softmax
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.probability.gen import GEN, GENOpenOOD, GENPytorchOOD


def bank_of(logits):
    return FeatureBank(np.ones((len(logits), 1)), np.zeros(len(logits), int), np.asarray(logits))


def certain(*leads):
    """Two classes, the first ahead by each lead: the other has p = exp(−lead)."""
    return bank_of([[float(lead), 0.0] for lead in leads])


def test_by_hand():
    bank = bank_of(np.log([[3.0, 1.0], [1.0, 1.0]]))
    expected = [-2 * (3 / 16) ** 0.5, -2 * (1 / 4) ** 0.5]
    np.testing.assert_allclose(GEN(gamma=0.5).score({}, bank), expected)


@pytest.mark.parametrize("kind", [GEN, GENOpenOOD])
@pytest.mark.parametrize("M", [1, 2, 5, 6, 100])
def test_sums_the_largest_probabilities(kind, M, case):
    p = np.sort(softmax(case.test.logits.astype(np.float64), axis=1), axis=1)[:, ::-1][:, :M]
    reference = -(p**0.1 * (1 - p) ** 0.1).sum(axis=1)
    np.testing.assert_allclose(kind(M=M).score({}, case.test), reference, rtol=1e-5)


@pytest.mark.parametrize("M", [1, 3, 5, 100])
def test_the_mean_of_the_largest_is_pytorch_oods(M, case):
    theirs = -pytorch_ood.GEN.score(from_numpy(case.test.logits).double(), M=M).numpy()
    np.testing.assert_allclose(GENPytorchOOD(M=M).score({}, case.test), theirs, rtol=1e-6)


def test_certain_predictions_keep_their_order():
    leads = np.array([20, 40, 80, 300])
    scores = GEN().score({}, certain(*leads))
    np.testing.assert_allclose(scores, -2 * np.exp(-0.1 * leads), rtol=1e-8)


def test_float32_gives_up_the_likeliest_class_of_certain_predictions():
    scores = GENOpenOOD().score({}, certain(20, 40))
    np.testing.assert_allclose(scores, -np.exp([-2.0, -4.0]), rtol=1e-6)


def test_bounded_probabilities_give_all_certain_predictions_one_score():
    scores = GENPytorchOOD().score({}, certain(20, 40))
    np.testing.assert_allclose(scores, [-(1e-7**0.1)] * 2, rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"gamma": 0.0}, {"M": 0}, {"M": 1.5}])
@pytest.mark.parametrize("name", ["gen", "gen@openood", "gen@pytorch_ood"])
def test_parameters_that_are_not_positive_are_refused(name, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        choose({name: wrong}, SCORERS, "scorer")
