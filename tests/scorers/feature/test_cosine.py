from __future__ import annotations

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.feature.cosine import Cosine
from mood_sweeps.scorers.feature.knn import KNN


def score(train, test):
    return Cosine().score(Cosine().fit(train, None), test)


def test_is_the_largest_similarity_scikit_learn_finds(case):
    expected = cosine_similarity(case.test.features.astype(float), case.train.features).max(axis=1)
    np.testing.assert_allclose(score(case.train, case.test), expected, atol=2e-6)


def test_by_hand():
    train = FeatureBank(np.array([[2.0, 0], [0, 5]]), np.zeros(2, int))
    test = FeatureBank(np.array([[9.0, 0], [3, 4], [-1, -1], [0, 0]]), np.zeros(4, int))
    expected = [1, 0.8, -np.sqrt(0.5), 0]
    np.testing.assert_allclose(score(train, test), expected, atol=1e-6)


def test_ranks_as_the_nearest_neighbour(case):
    knn = KNN(k=1)
    ours, nearest = score(case.train, case.test), knn.score(knn.fit(case.train, None), case.test)
    np.testing.assert_array_equal(np.argsort(ours), np.argsort(nearest))
