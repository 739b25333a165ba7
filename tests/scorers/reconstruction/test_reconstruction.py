from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.reconstruction.reconstruction import Reconstruction
from tests.support.scorer_cases import PlainNetwork


class Halving(PlainNetwork):
    """Two channels with deviations ½ and 2; what it reconstructs is off by what it is told."""

    def __init__(self, off):
        super().__init__(None, np.array([0.5, 2.0], dtype=np.float32))
        object.__setattr__(self, "off", off)

    def reconstruct(self, inputs, seed):
        return inputs + self.off + seed


def bank(network, images):
    features = np.zeros((len(images), 3), dtype=np.float32)
    return FeatureBank(features, np.zeros(len(images), dtype=np.int64), None, images, network)


def test_the_distance_is_of_pixels_not_of_normalised_inputs():
    images = np.zeros((1, 2, 1, 2), dtype=np.float32)
    off = np.array([[[2.0, 0.0]], [[0.0, 3.0]]], dtype=np.float32)
    (score,) = Reconstruction().score({}, bank(Halving(off), images))
    assert score == pytest.approx(-np.hypot(2 * 0.5, 3 * 2))


def test_the_seed_reaches_the_network():
    images = np.zeros((2, 2, 1, 1), dtype=np.float32)
    scores = Reconstruction(seed=1).score({}, bank(Halving(np.float32(0)), images))
    np.testing.assert_allclose(scores, -np.hypot(0.5, 2.0))


def test_a_bank_without_network_is_refused():
    with pytest.raises(InputError, match="network"):
        Reconstruction().score({}, dataclasses.replace(bank(None, np.zeros((1, 1, 1, 1)))))
