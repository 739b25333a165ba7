from __future__ import annotations

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.gradient.i_odin import IODIN
from tests.support.recording_network import watched
from tests.support.scorer_cases import live


def test_by_hand():
    # z = (3 x₀ + x₁, 2 x₁): where the first class leads, the loss falls fastest along x₀.
    head = Head(np.array([[3.0, 1.0], [0, 2]], np.float32), np.zeros(2, np.float32))
    x = np.array([[1, 1], [-1, 5]], np.float32)
    bank = live(FeatureBank(x, np.zeros(2, int), x @ head.weight.T), head)
    scores = IODIN(temperature=1.0, epsilon=0.1).score({}, bank)
    # x₀ rises by 0.2: gap 2 → 2.6. And where the second class leads it falls by 0.2: 8 → 8.6.
    np.testing.assert_allclose(scores, 1 / (1 + np.exp([-2.6, -8.6])), rtol=1e-6)


def test_moves_one_element_of_every_image_the_steepest(case):
    bank = watched(case.test)
    IODIN(epsilon=0.25).score({}, bank)
    # Two blocks of images, each shown twice: as they are, and moved.
    shown = bank.network.shown
    for images, moved in (shown[:2], shown[2:]):
        changed = (moved - images)[:, 0, 0]
        assert (np.count_nonzero(changed, axis=1) == 1).all()
        np.testing.assert_allclose(np.abs(changed).max(axis=1), 0.5, rtol=1e-5)
        logits = images[:, 0, 0] @ case.head.weight.T + case.head.bias
        share = np.exp(logits / 1000 - logits.max(axis=1, keepdims=True) / 1000)
        share /= share.sum(axis=1, keepdims=True)
        slope = (share - np.eye(5)[logits.argmax(axis=1)]) @ case.head.weight
        np.testing.assert_array_equal(np.abs(changed).argmax(axis=1), np.abs(slope).argmax(axis=1))
