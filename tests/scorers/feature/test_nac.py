from __future__ import annotations

import numpy as np
import pytest
from scorer_cases import live, make_case

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.feature.nac import NAC, NACPytorchOOD


def banked(pixels, head):
    x = np.array(pixels, np.float32)
    return live(FeatureBank(x, np.zeros(0, int), x @ head.weight.T + head.bias), head)


def score(scorer, train, test):
    return scorer.score(scorer.fit(train, None), test)


def test_by_hand():
    # One pixel, logits (x, −x): z · ∂KL/∂z = x · (2p − 1), p = σ(2x), in the first block and in the
    # second. Four bins: below log₁₀₀₀(1 + (√1000 − 1) / 2) = 0.404, to ½, to 0.596, above.
    head = Head(np.array([[1.0], [-1.0]], np.float32), np.zeros(2, np.float32))
    train = banked([[0.1], [0.2], [-0.2], [2], [3]], head)
    scorer = NAC(alpha=1.0, bins=4, enough=4)
    state = scorer.fit(train, None)
    # x · tanh(x) is 0.01, 0.04, 0.04, 1.9, 3.0: σ of it 0.502, 0.51, 0.51, 0.87, 0.95.
    np.testing.assert_array_equal(state["counts_0"], [[0, 0, 3, 2]])
    np.testing.assert_array_equal(state["counts_1"], [[0, 0, 3, 2]])
    scores = scorer.score(state, banked([[0.0], [-0.3], [5], [0.7]], head))
    # 0.7 · tanh(0.7) = 0.42, σ = 0.604: just in the last bin.
    np.testing.assert_array_equal(scores, [3 / 4, 3 / 4, 2 / 4, 2 / 4])


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


@pytest.mark.parametrize("kind", [NAC, NACPytorchOOD])
def test_every_neuron_of_every_image_is_counted_once(kind, case):
    state = kind(bins=20).fit(case.train, None)
    for layer in (0, 1):
        counts = state[f"counts_{layer}"]
        assert counts.shape == (16, 20)
        np.testing.assert_array_equal(counts.sum(axis=1), 300)


@pytest.mark.parametrize("kind", [NAC, NACPytorchOOD])
def test_bins_are_ascending_and_all_in_use(kind):
    values = np.concatenate([[0, 1e-12], np.linspace(1e-5, 1 - 1e-5, 200_001), [1 - 1e-12, 1]])
    bins = kind(bins=10)._bins(values)
    assert (np.diff(bins) >= 0).all()
    np.testing.assert_array_equal(np.unique(bins), np.arange(10))


def test_a_network_of_other_widths_is_refused():
    state = NAC().fit(make_case().train, None)
    with pytest.raises(InputError, match=r"\[9, 9\] cannot .* learnt on \[16, 16\]"):
        NAC().score(state, make_case(d=9).test)
