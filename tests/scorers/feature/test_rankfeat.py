from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.rankfeat import RankFeat, without_rank_one
from tests.support.scorer_cases import PlainNetwork, live

HEAD = Head(np.ones((1, 4), np.float32), np.array([0.5], np.float32))


def banked(*pixels, network=PlainNetwork):
    x = np.array(pixels, np.float32)
    bank = live(FeatureBank(x, np.zeros(len(x), int), x @ HEAD.weight.T + HEAD.bias), HEAD)
    return dataclasses.replace(bank, network=network(HEAD))


@dataclasses.dataclass(eq=False)
class OneBlock(PlainNetwork):
    def layers(self, inputs):
        return super().layers(inputs)[:1]


@dataclasses.dataclass(eq=False)
class Transformer(PlainNetwork):
    """Hands on tokens (n, 2, D), though its maps can be looked at."""

    def forward_changed(self, inputs, layer, change):
        return self.forward(change(self.layers(inputs)[layer][:, :, 0].transpose(0, 2, 1)))


@pytest.mark.parametrize("shape", [(5, 7, 4), (5, 4, 7), (3, 6, 6), (4, 9, 1)])
def test_is_what_the_singular_value_decomposition_leaves(shape):
    matrices = np.random.default_rng(0).normal(size=shape)
    u, s, v = np.linalg.svd(matrices, full_matrices=False)
    s[:, 0] = 0
    np.testing.assert_allclose(without_rank_one(matrices), u * s[:, None] @ v, atol=1e-12)


@pytest.mark.parametrize("network", [PlainNetwork, OneBlock])
def test_by_hand(network):
    # Channels 0 and 1 lie at one position, 2 and 3 at the other: the longer pair is removed.
    # One class: its energy is its logit, the sum of what is left, plus 0.5.
    bank = banked([3, 4, 1, 2], [1, 0, 6, 8], [0, 0, 0, 0], network=network)
    np.testing.assert_allclose(RankFeat().score({}, bank), [3.5, 1.5, 0.5], rtol=1e-6)


def test_a_map_of_rank_one_leaves_the_bias():
    bank = banked([5, 1, 0, 0], [0, 0, 2, 2])
    np.testing.assert_allclose(RankFeat().score({}, bank), [0.5, 0.5], atol=1e-6)


def test_transformers_are_refused_in_words():
    with pytest.raises(Undefined, match=r"convolutional networks: .* hands on \(2, 4\)"):
        RankFeat().score({}, banked([3, 4, 1, 2], network=Transformer))
