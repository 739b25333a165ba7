from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.hybrid.react import ReAct
from mood_sweeps.scorers.hybrid.vra import VRA, VRAOpenOOD, VRAPooledPytorchOOD
from mood_sweeps.scorers.logit.energy import Energy


def scores(scorer, case):
    return scorer.score(scorer.fit(case.train, case.head), case.test)


def one_class(train, test):
    bank = FeatureBank(np.array(test), np.zeros(len(test), int))
    width = bank.features.shape[1]
    head = Head(10.0 ** np.arange(width)[None], np.zeros(1))
    return FeatureBank(np.array(train), np.zeros(len(train), int)), bank, head


def test_suppresses_below_and_cuts_above_each_dimension_by_hand():
    # The thresholds of the columns are 1 … 3 and −1 … 1; the head reads the columns as digits.
    train, test, head = one_class(
        [[1.0, -1.0], [2.0, 0.0], [3.0, 1.0]],
        [[0.5, -2.0], [1.0, -1.0], [2.5, 0.5], [9.0, 9.0]],
    )
    vra = VRA(lower=0.0, upper=1.0)
    ours = vra.score(vra.fit(train, head), test)
    np.testing.assert_allclose(ours, [0.0, 1 - 10, 2.5 + 5, 3 + 10])


def test_openood_clips_all_dimensions_alike_by_hand():
    train, test, head = one_class([[0.0, 1.0], [2.0, 4.0]], [[-3.0, 9.0]])
    vra = VRAOpenOOD(lower=0.5, upper=1.0)
    # The median of 0, 1, 2, 4 is 1.5, the largest 4.
    np.testing.assert_allclose(vra.score(vra.fit(train, head), test), [1.5 + 40])


def test_pytorch_ood_clips_each_dimension_by_hand():
    train, test, head = one_class([[1.0, -1.0], [3.0, 1.0]], [[0.0, 9.0]])
    vra = VRAPooledPytorchOOD(lower=0.0, upper=1.0)
    np.testing.assert_allclose(vra.score(vra.fit(train, head), test), [1 + 10])


def test_only_openood_asks_for_a_validation_split():
    kinds = (VRA, VRAOpenOOD, VRAPooledPytorchOOD)
    assert [kind.fits_on for kind in kinds] == ["id_train", "id_val", "id_train"]


def test_clipping_from_above_only_is_react(case):
    lowest = min(case.train.features.min(), case.test.features.min())
    assert lowest == case.train.features.min()
    np.testing.assert_allclose(
        scores(VRAOpenOOD(lower=0.0, upper=0.9), case), scores(ReAct(0.9), case), rtol=1e-12
    )


def test_wide_enough_it_is_the_energy(case):
    vra = VRAPooledPytorchOOD(lower=0.0, upper=1.0)
    ours = vra.score(vra.fit(case.train, case.head), case.train)
    np.testing.assert_allclose(ours, Energy().score({}, case.train), rtol=1e-5)


def test_suppressing_everything_leaves_the_bias(case):
    train = FeatureBank(np.full_like(case.train.features, 99.0), case.train.labels)
    vra = VRA()
    ours = vra.score(vra.fit(train, case.head), case.test)
    np.testing.assert_allclose(ours, logsumexp(case.head.bias.astype(np.float64)), rtol=1e-6)


def test_crossed_quantiles_are_refused():
    with pytest.raises(InputError, match="lower must not exceed upper"):
        VRA(lower=0.9, upper=0.1)
