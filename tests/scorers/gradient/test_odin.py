from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.gradient.odin import ODIN, ODINOpenOOD, ODINPytorchOOD
from tests.support.recording_network import watched
from tests.support.scorer_cases import PlainNetwork, live

# Logits are the first two of three pixels; pixels were divided by 1/2.
HEAD = Head(np.array([[1.0, 0, 0], [0, 1, 0]], np.float32), np.zeros(2, np.float32))


@dataclasses.dataclass(eq=False)
class Squares(PlainNetwork):
    """Features are squared pixels: at 0 there is no slope, and yet it matters to move."""

    def forward(self, inputs):
        return super().forward(inputs**2)

    def input_gradient(self, inputs, pull):
        return 2 * inputs * super().input_gradient(inputs, lambda *_: pull(*self.forward(inputs)))


def banked(pixels, head=HEAD, network=PlainNetwork):
    x = np.array(pixels, np.float32)
    bank = live(FeatureBank(x, np.zeros(len(x), int), x @ head.weight.T + head.bias), head)
    return dataclasses.replace(bank, network=network(head))


def sure(gap):
    return 1 / (1 + np.exp(-np.asarray(gap)))


def test_by_hand():
    # ŷ is the larger of two pixels: it rises by ε / std = 0.2, the other falls as much.
    bank = banked([[3, 1, 7], [0, 0.5, 7]])
    scores = ODIN(temperature=1.0, epsilon=0.1).score({}, bank)
    np.testing.assert_allclose(scores, sure([2 + 0.4, 0.5 + 0.4]), rtol=1e-6)
    scores = ODIN(temperature=10.0, epsilon=0.1).score({}, bank)
    np.testing.assert_allclose(scores, sure([0.24, 0.09]), rtol=1e-6)


def test_pytorch_ood_does_not_divide_by_std():
    scores = ODINPytorchOOD(temperature=1.0, epsilon=0.1).score({}, banked([[3, 1, 7]]))
    np.testing.assert_allclose(scores, sure([2 + 0.2]), rtol=1e-6)


def test_openood_moves_pixels_without_gradient_as_well():
    # z = x²: from (2, 0) the first pixel rises to 2.2; the second has no slope, and is 0 or −0.2.
    bank = banked([[2, 0, 0]], network=Squares)
    still = ODIN(temperature=1.0, epsilon=0.1).score({}, bank)
    np.testing.assert_allclose(still, sure([2.2**2]), rtol=1e-5)
    moved = ODINOpenOOD(temperature=1.0, epsilon=0.1).score({}, bank)
    np.testing.assert_allclose(moved, sure([2.2**2 - 0.2**2]), rtol=1e-5)


def test_a_sure_network_is_perturbed_as_well():
    # p is 1 to the last bit: the loss has no gradient in float32, but a direction it has.
    bank = watched(banked([[500, 0, 3]]))
    ODIN(temperature=1.0, epsilon=0.25).score({}, bank)
    images, moved = bank.network.shown
    np.testing.assert_array_equal((moved - images)[0, 0, 0], [0.5, -0.5, 0])


@pytest.mark.parametrize("kind", [ODIN, ODINOpenOOD, ODINPytorchOOD])
def test_without_a_step_it_is_confidence_at_a_temperature(kind, case):
    scores = kind(epsilon=0.0, temperature=7.0).score({}, case.test)
    bare = np.exp(case.test.logits.astype(float) / 7)
    np.testing.assert_allclose(scores, bare.max(axis=1) / bare.sum(axis=1), rtol=1e-6)


def test_a_step_raises_the_confidence(case):
    still, small, large = (
        ODIN(epsilon=epsilon, temperature=1.0).score({}, case.test) for epsilon in (0, 0.001, 0.01)
    )
    assert (still < small).all()
    assert (small < large).all()
