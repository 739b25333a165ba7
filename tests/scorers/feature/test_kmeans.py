from __future__ import annotations

import numpy as np
import pytest

from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.kmeans import KMeans, KMeansMOODv1
from tests.support.scorer_cases import score, unlabelled


def test_by_hand():
    train = unlabelled([[0, 0], [0, 2], [100, 0], [102, 0]])
    test = unlabelled([[0, 1], [3, 5], [101, -7]])
    np.testing.assert_allclose(score(KMeans(k=2), train, test), [0, -5, -7], atol=1e-12)
    np.testing.assert_allclose(score(KMeans(k=4), train, test), [-1, -np.sqrt(18), -np.sqrt(50)])


def test_by_hand_of_unit_length():
    train = unlabelled([[5, 0], [0.1, 0], [0, 3], [0, 7]])
    test = unlabelled([[9, 0], [-2, 0], [0, 0]])
    ours = score(KMeansMOODv1(k=2), train, test)
    np.testing.assert_allclose(ours, [0, -np.sqrt(2), -1], atol=1e-12)


def test_one_cluster_is_the_distance_to_the_mean(case):
    ours = score(KMeans(k=1), case.train, case.test)
    mean = case.train.features.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(ours, -np.linalg.norm(case.test.features - mean, axis=1), rtol=1e-9)


def test_the_seed_is_part_of_the_numbers(case):
    ours = [score(KMeans(seed=seed), case.train, case.test) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(ours[0], ours[1])
    assert not np.array_equal(ours[0], ours[2])


def test_fewer_different_features_than_clusters_are_undefined():
    with pytest.raises(Undefined, match="fewer than 3 train features differ"):
        KMeans(k=3).fit(unlabelled([[1, 0], [0, 1], [1, 0]]), None)
