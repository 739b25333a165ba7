from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood import detector as pytorch_ood
from scipy.stats import spearmanr
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers import KNN, knn


def score(train, test, k=50):
    return KNN(k).score(KNN(k).fit(train, None), test)


@pytest.mark.parametrize("k", [1, 7, 50, 300])
def test_is_the_squared_distance_scikit_learn_finds(case, k):
    neighbours = NearestNeighbors(n_neighbors=k, algorithm="brute")
    neighbours.fit(normalize(case.train.features.astype(np.float64)))
    distances, _ = neighbours.kneighbors(normalize(case.test.features.astype(np.float64)))
    np.testing.assert_allclose(score(case.train, case.test, k), -(distances[:, -1] ** 2), atol=2e-6)


def test_ranks_as_pytorch_ood_reversed(case):
    detector = pytorch_ood.KNN(None)
    detector.fit_features(from_numpy(case.train.features), from_numpy(case.train.labels))
    theirs = -detector.predict_features(from_numpy(case.test.features)).numpy()
    assert spearmanr(score(case.train, case.test), theirs).statistic > 0.99999


def test_by_hand_length_does_not_matter():
    train = FeatureBank(np.array([[2.0, 0.0], [0.0, 5.0]]), np.zeros(2, int))
    test = FeatureBank(np.array([[9.0, 0.0], [-1.0, 0.0]]), np.zeros(2, int))
    np.testing.assert_allclose(score(train, test, k=1), [0, -2], atol=1e-6)
    np.testing.assert_allclose(score(train, test, k=2), [-2, -4], atol=1e-6)


def test_the_block_size_does_not_matter(case, monkeypatch):
    whole = score(case.train, case.test)
    monkeypatch.setattr(knn, "_SIMILARITIES", 7 * len(case.train))
    np.testing.assert_allclose(score(case.train, case.test), whole, atol=1e-6)


def test_a_zero_feature_is_orthogonal_to_all():
    train = FeatureBank(np.eye(3, dtype=np.float32), np.zeros(3, int))
    test = FeatureBank(np.zeros((1, 3), np.float32), np.zeros(1, int))
    assert score(train, test, k=1).tolist() == [-2.0]


def test_more_neighbours_than_train_features_is_undefined(case):
    with pytest.raises(Undefined, match="no 301-th neighbour among 300"):
        KNN(k=301).fit(case.train, None)
