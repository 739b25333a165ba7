from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.bank_statistics import class_statistics
from mood_sweeps.scorers.numeric.running_statistics import RunningStatistics


def in_blocks(samples, classes, sizes, count):
    running = RunningStatistics(count, samples.shape[1])
    for part in np.split(np.arange(len(samples)), np.cumsum(sizes)):
        running.add(samples[part], classes[part])
    return running.statistics()


@pytest.mark.parametrize("sizes", [[], [1, 1, 1], [50, 7], [119]])
def test_blocks_give_what_all_samples_together_give(sizes):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 120)
    samples = rng.normal(size=(120, 5)) + 1000.0 * classes[:, None]
    found = in_blocks(samples, classes, sizes, 4)
    whole = class_statistics(FeatureBank(samples, classes))
    np.testing.assert_array_equal(found.counts, whole.counts)
    np.testing.assert_allclose(found.means, whole.means, rtol=1e-13)
    np.testing.assert_allclose(found.scatter, whole.scatter, rtol=1e-8, atol=1e-8)


def test_a_class_that_never_comes_is_left_out():
    found = in_blocks(np.ones((4, 2)), np.array([0, 2, 2, 0]), [2], 3)
    np.testing.assert_array_equal(found.counts, [2, 2])
    assert found.means.shape == (2, 2)


def test_what_does_not_vary_has_no_scatter_at_all():
    samples = np.tile(np.float32([0.1, 1e8, -3.3]), (9, 1)).astype(np.float64)
    assert not in_blocks(samples, np.zeros(9, int), [2, 3], 1).scatter.any()
    alone = in_blocks(np.random.default_rng(0).normal(size=(6, 3)), np.arange(6), [4], 6)
    assert not alone.scatter.any()
