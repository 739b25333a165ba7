from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import choose
from mood_sweeps.errors import InputError
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.feature.nac import NAC, NACPytorchOOD
from tests.support.scorer_cases import live, make_case, score


def banked(pixels, head):
    x = np.array(pixels, np.float32)
    return live(FeatureBank(x, np.zeros(0, int), x @ head.weight.T + head.bias), head)


def test_by_hand():
    # One pixel, logits (x, −x): x · ∂KL/∂x = x · tanh(x) of the features. The block's map holds 2x
    # at one of two positions and passes half of the gradient at each: its sums give twice as much.
    # M = 6 makes four intervals: to log₁₀₀₀((1 + √1000) / 2) = 0.404, to ½, to 0.596, above.
    head = Head(np.array([[1.0], [-1.0]], np.float32), np.zeros(2, np.float32))
    train = banked([[0.1], [0.2], [-0.2], [2], [3]], head)
    scorer = NAC(alpha=1.0, bins=6, enough=4)
    state = scorer.fit(train, None)
    # x · tanh(x) is 0.01, 0.04, 0.04, 1.9, 3.0: σ of it 0.502, 0.51, 0.51, 0.87, 0.95; of twice as
    # much 0.505, 0.52, 0.52, 0.98, 0.997.
    np.testing.assert_array_equal(state["counts_0"], [[0, 0, 3, 2]])
    np.testing.assert_array_equal(state["counts_1"], [[0, 0, 3, 2]])
    scores = scorer.score(state, banked([[0.0], [-0.3], [5], [0.7], [0.5]], head))
    # 0.7 · tanh(0.7) = 0.42, σ = 0.604: just in the last bin. 0.5 · tanh(0.5) = 0.23, σ = 0.558, of
    # twice as much 0.614: in the last bin for the block alone.
    np.testing.assert_array_equal(scores, [3 / 4, 3 / 4, 2 / 4, 2 / 4, (2 + 3) / 8])


def test_pytorch_ood_by_hand():
    # Averaged over two positions, of which one is 0: x · tanh(x) / 2 is 0.005 … and 0.96, 1.5; no
    # edge lies between 0.0007 and ½, none from there to 0.9993. Both blocks count.
    head = Head(np.array([[1.0], [-1.0]], np.float32), np.zeros(2, np.float32))
    train = banked([[0.1], [0.2], [-0.2], [2], [3]], head)
    scorer = NACPytorchOOD(alpha=1.0, bins=4, enough=10)
    np.testing.assert_array_equal(scorer.fit(train, None)["counts_1"], [[0, 0, 5, 0]])
    scores = score(scorer, train, banked([[-2], [0.01], [40]], head))
    np.testing.assert_array_equal(scores, [2 * 5 / 10, 2 * 5 / 10, 0])


@pytest.mark.parametrize(("kind", "best"), [(NAC, 1), (NACPytorchOOD, 2)])
def test_what_train_images_do_is_covered(kind, best, case):
    np.testing.assert_array_equal(score(kind(enough=1), case.train, case.train), best)
    few = score(kind(enough=300), case.train, case.test)
    assert (few < best).all()
    assert (few >= 0).all()


@pytest.mark.parametrize(("kind", "intervals"), [(NAC, 18), (NACPytorchOOD, 20)])
def test_every_neuron_of_every_image_is_counted_once(kind, intervals, case):
    state = kind(bins=20).fit(case.train, None)
    for layer in (0, 1):
        counts = state[f"counts_{layer}"]
        assert counts.shape == (16, intervals)
        np.testing.assert_array_equal(counts.sum(axis=1), 300)


@pytest.mark.parametrize(("kind", "intervals"), [(NAC, 48), (NACPytorchOOD, 50)])
def test_fifty_bins_as_the_official_codes_count_them(kind, intervals, case):
    assert kind().fit(case.train, None)["counts_0"].shape == (16, intervals)


@pytest.mark.parametrize("bins", [0, 2, 7])
def test_bins_that_the_official_code_cannot_make_are_refused(bins):
    with pytest.raises(InputError, match="parameter 'bins'"):
        choose({"nac": {"bins": bins}}, SCORERS, "scorer")


def test_a_probability_that_vanishes_does_not_pull_in_pytorch_ood():
    # Its logarithm is that of p + 10⁻¹². At x = 30, p₂ = e⁻⁶⁰ hardly moves it: the influence is in
    # the bin above ½, as that of a small x. Of log p alone it would be x · tanh(x) / 2 = 15.
    head = Head(np.array([[1.0], [-1.0]], np.float32), np.zeros(2, np.float32))
    scorer = NACPytorchOOD(alpha=1.0, bins=4, enough=1)
    small = banked([[0.001]], head)
    np.testing.assert_array_equal(score(scorer, small, banked([[30.0]], head)), [2])


def test_a_network_of_other_widths_is_refused():
    state = NAC().fit(make_case().train, None)
    with pytest.raises(InputError, match=r"\[9, 9\] cannot .* learnt on \[16, 16\]"):
        NAC().score(state, make_case(d=9).test)
