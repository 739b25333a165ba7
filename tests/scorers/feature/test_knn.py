from __future__ import annotations

import numpy as np
import pytest
from pytorch_ood import detector as pytorch_ood
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from torch import from_numpy

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.knn import KNN, KNNPytorchOOD, KNNRaw
from mood_sweeps.scorers.numeric import neighbour_search as neighbours


def score(train, test, k=50, kind=KNN):
    return kind(k).score(kind(k).fit(train, None), test)


def bank(*features, dtype=np.float64):
    return FeatureBank(np.array(features, dtype=dtype), np.zeros(len(features), int))


@pytest.mark.parametrize("k", [1, 7, 50, 300])
def test_is_the_squared_distance_scikit_learn_finds(case, k):
    reference = NearestNeighbors(n_neighbors=k, algorithm="brute")
    reference.fit(normalize(case.train.features.astype(np.float64)))
    distances, _ = reference.kneighbors(normalize(case.test.features.astype(np.float64)))
    np.testing.assert_allclose(score(case.train, case.test, k), -(distances[:, -1] ** 2), atol=2e-6)


@pytest.mark.parametrize("k", [1, 7, 300])
def test_raw_is_the_squared_distance_of_features_as_they_are(case, k):
    reference = NearestNeighbors(n_neighbors=k, algorithm="brute")
    reference.fit(case.train.features.astype(np.float64))
    distances, _ = reference.kneighbors(case.test.features.astype(np.float64))
    raw = score(case.train, case.test, k, KNNRaw)
    np.testing.assert_allclose(raw, -(distances[:, -1] ** 2), rtol=1e-6)


@pytest.mark.parametrize(("kind", "normalize"), [(KNNPytorchOOD, True), (KNNRaw, False)])
@pytest.mark.parametrize("k", [1, 50])
def test_is_the_distance_of_pytorch_ood_reversed(case, kind, normalize, k):
    detector = pytorch_ood.KNN(None, k=k, normalize=normalize)
    train, test = (from_numpy(b.features).double() for b in (case.train, case.test))
    detector.fit_features(train, from_numpy(case.train.labels))
    theirs = -detector.predict_features(test).numpy()
    ours = score(case.train, case.test, k, kind)
    ours = ours if kind is KNNPytorchOOD else -np.sqrt(-ours)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_by_hand_length_does_not_matter():
    train = FeatureBank(np.array([[2.0, 0.0], [0.0, 5.0]]), np.zeros(2, int))
    test = FeatureBank(np.array([[9.0, 0.0], [-1.0, 0.0]]), np.zeros(2, int))
    np.testing.assert_allclose(score(train, test, k=1), [0, -2], atol=1e-6)
    np.testing.assert_allclose(score(train, test, k=2), [-2, -4], atol=1e-6)


def test_raw_by_hand_length_matters():
    train, test = bank([2.0, 0.0], [0.0, 5.0]), bank([9.0, 0.0], [0.0, 5.0])
    np.testing.assert_allclose(score(train, test, 1, KNNRaw), [-49, 0])
    np.testing.assert_allclose(score(train, test, 2, KNNRaw), [-106, -29])


def test_the_distance_of_near_duplicates_is_exact():
    train = bank([1000.0, 1000.0], [1000.0, 1001.0], [-3000.0, 0.0])
    test = bank([1000.0, 1000.0], [1000.0, 1000.001])
    np.testing.assert_allclose(score(train, test, 1, KNNRaw), [0, -1e-6], rtol=1e-6, atol=1e-20)
    turned = bank([np.cos(1e-6), np.sin(1e-6)])
    np.testing.assert_allclose(score(bank([1.0, 0.0]), turned, 1), [-1e-12], rtol=1e-3)


def test_the_state_holds_the_features_of_the_bank_not_a_copy(case):
    for kind in (KNN, KNNRaw):
        assert kind().fit(case.train, None)["train"] is case.train.features


def test_states_read_back_from_the_store_share_one_search(case, monkeypatch):
    searches = []
    search = neighbours.search
    monkeypatch.setattr(neighbours, "search", lambda *args: searches.append(1) or search(*args))
    for k in (1, 7, 50):
        read_back = {name: array.copy() for name, array in KNN(k).fit(case.train, None).items()}
        KNN(k).score(read_back, case.test)
        KNNPytorchOOD(k).score(read_back, case.test)
    assert len(searches) == 1


def test_a_zero_feature_is_orthogonal_to_all():
    train = FeatureBank(np.eye(3, dtype=np.float32), np.zeros(3, int))
    test = FeatureBank(np.zeros((1, 3), np.float32), np.zeros(1, int))
    assert score(train, test, k=1).tolist() == [-2.0]


def test_more_neighbours_than_train_features_is_undefined(case):
    with pytest.raises(Undefined, match="no 301-th neighbour among 300"):
        KNN(k=301).fit(case.train, None)
