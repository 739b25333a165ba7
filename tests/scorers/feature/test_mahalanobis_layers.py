from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.scorers.feature.mahalanobis import Mahalanobis, MahalanobisPytorchOOD
from mood_sweeps.scorers.feature.mahalanobis_layers import (
    MahalanobisLayers,
    MahalanobisLayersPytorchOOD,
)
from tests.support.scorer_cases import PlainNetwork, live, make_case, score


def test_by_hand():
    # Both blocks' pooled maps are multiples of the one pixel: the distance counts twice.
    def column(*pixels):
        x = np.array(pixels, np.float32)[:, None]
        return live(FeatureBank(x, np.array([4, 4, 7, 7])), None)

    scores = score(MahalanobisLayers(), column(-1, 1, 9, 11), column(3, 6, 12, 0))
    np.testing.assert_allclose(scores, [-18, -32, -8, 0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("layers", "plain"),
    [
        (MahalanobisLayers, Mahalanobis),
        (MahalanobisLayersPytorchOOD, MahalanobisPytorchOOD),
    ],
)
def test_blocks_that_are_the_features_once_more_give_their_distance_twice(layers, plain, case):
    np.testing.assert_allclose(
        score(layers(), case.train, case.test),
        2 * score(plain(), case.train, case.test),
        rtol=1e-5,
    )


@dataclasses.dataclass(eq=False)
class Deeper(PlainNetwork):
    """A third block that says the same of every image."""

    def layers(self, inputs):
        maps = super().layers(inputs)
        return *maps, np.ones_like(maps[0])


def test_a_block_that_does_not_vary_is_undefined(case):
    train = dataclasses.replace(case.train, network=Deeper(case.head))
    with pytest.raises(Undefined, match="within any class"):
        MahalanobisLayers().fit(train, None)


def test_another_network_is_refused():
    case, other = make_case(), make_case(d=9)
    state = MahalanobisLayers().fit(case.train, None)
    with pytest.raises(InputError, match=r"\[9, 9\] cannot .* learnt on \[16, 16\]"):
        MahalanobisLayers().score(state, other.test)
    deeper = dataclasses.replace(case.test, network=Deeper(case.head))
    with pytest.raises(InputError, match=r"\[16, 16, 16\] cannot .* learnt on \[16, 16\]"):
        MahalanobisLayers().score(state, deeper)
