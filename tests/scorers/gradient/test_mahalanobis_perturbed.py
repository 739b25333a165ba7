from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.mahalanobis import Mahalanobis, MahalanobisPytorchOOD
from mood_sweeps.scorers.gradient.mahalanobis_perturbed import (
    MahalanobisPerturbed,
    MahalanobisPerturbedPytorchOOD,
)
from tests.support.scorer_cases import live, score


def column(*pixels):
    x = np.array(pixels, np.float32)[:, None]
    return live(FeatureBank(x, np.array([0, 0, 1, 1])[: len(x)]), None)


def test_by_hand():
    # Means 0 and 10, variance 1; pixels were divided by 1/2, so that a step is 0.2.
    train, test = column(-1, 1, 9, 11), column(3, 6, 12)
    scores = score(MahalanobisPerturbed(epsilon=0.1), train, test)
    np.testing.assert_allclose(scores, [-(2.8**2), -(3.8**2), -(1.8**2)], rtol=1e-6)


def test_pytorch_ood_by_hand():
    # Half the square over the scatter, 4, plus 10⁻⁶; the step is 0.1.
    train, test = column(-1, 1, 9, 11), column(3, 6, 12)
    scores = score(MahalanobisPerturbedPytorchOOD(epsilon=0.1), train, test)
    np.testing.assert_allclose(
        scores, -(np.array([2.9, 3.9, 1.9]) ** 2) / 2 / (4 + 1e-6), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("perturbed", "plain"),
    [
        (MahalanobisPerturbed, Mahalanobis),
        (MahalanobisPerturbedPytorchOOD, MahalanobisPytorchOOD),
    ],
)
def test_without_a_step_it_is_the_distance(perturbed, plain, case):
    np.testing.assert_allclose(
        score(perturbed(epsilon=0.0), case.train, case.test),
        score(plain(), case.train, case.test),
        rtol=1e-5,
    )


def test_a_small_step_shortens_every_distance(case):
    still, moved = (
        score(MahalanobisPerturbed(epsilon=epsilon), case.train, case.test) for epsilon in (0, 1e-4)
    )
    assert (moved > still).all()


def test_classes_that_do_not_vary_are_undefined():
    with pytest.raises(Undefined, match="within any class"):
        MahalanobisPerturbed().fit(column(1, 1, 5, 5), None)
