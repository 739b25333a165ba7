from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.gradient.adascale import AdaScaleA, AdaScaleL
from mood_sweeps.scorers.logit.energy import Energy
from tests.support.scorer_cases import live, make_case

# One class, so that its energy is its logit. The second pixel matters least.
HEAD = Head(np.array([[1, 0.5, 2, 3]], np.float32), np.array([0.25], np.float32))


def banked(*pixels, head=HEAD):
    x = np.array(pixels, np.float32)
    return live(FeatureBank(x, np.zeros(len(x), int), x @ head.weight.T + head.bias), head)


def score(scorer, bank, test, head=HEAD):
    return scorer.score(scorer.fit(bank, head), test)


def test_by_hand():
    # Of four places every percentage is one. Noise moves the second pixel by 0.5.
    # ID: Q = 4, the largest activation, unmoved. The first test image: Q = 4 as well, F = 1,
    # p = 25, three of four are left: r = 8 / 7. The second: Q = 3, F = 0, p = 75: r = 6 / 3.
    # The third: its largest activation is the one that moves, Q = 4.5 + 10 · 0.5, F = 1: r = 8 / 7.
    scorer = AdaScaleA(lowest=25, highest=75)
    test = banked([4, 2, 1, 1], [3, 1, 1, 1], [2, 4, 1, 1])
    z, r = test.logits[:, 0].astype(float), np.array([8 / 7, 6 / 3, 8 / 7])
    id_images = banked([4, 0, 0, 0])
    np.testing.assert_allclose(scorer.fit(id_images, HEAD)["shifts"], [4])
    np.testing.assert_allclose(
        score(scorer, id_images, test), np.exp(r) * (z - 0.25) + 0.25, rtol=1e-6
    )
    linear = AdaScaleL(lowest=25, highest=75)
    np.testing.assert_allclose(score(linear, id_images, test), r**2 * z, rtol=1e-6)
    np.testing.assert_allclose(scorer.fit(test, HEAD)["shifts"], [3, 4, 9.5])


@pytest.mark.parametrize("kind", [AdaScaleA, AdaScaleL])
def test_without_positive_activations_nothing_is_scaled(kind, case):
    negative = live(
        FeatureBank(
            -np.abs(case.test.features),
            case.test.labels,
            -np.abs(case.test.features) @ case.head.weight.T + case.head.bias,
        ),
        case.head,
    )
    np.testing.assert_allclose(
        score(kind(), case.train, negative, case.head), Energy().score({}, negative), rtol=1e-5
    )


def test_of_many_id_images_every_so_many_are_taken():
    case = make_case()
    every = AdaScaleA().fit(case.train, case.head)["shifts"]
    assert every.shape == (300,)
    third = live(
        FeatureBank(case.train.features[::3], case.train.labels[::3], case.train.logits[::3]),
        case.head,
    )
    np.testing.assert_array_equal(
        AdaScaleA(samples=100).fit(case.train, case.head)["shifts"],
        AdaScaleA().fit(third, case.head)["shifts"],
    )
    assert len(AdaScaleA(samples=299).fit(case.train, case.head)["shifts"]) == 150


def test_the_lowest_percentile_is_not_above_the_highest():
    with pytest.raises(InputError, match="lowest 90 must not be above highest 85"):
        choose({"adascale_a": {"lowest": 90}}, SCORERS, "scorer")
