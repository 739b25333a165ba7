from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.mahalanobis import MahalanobisMOODv1
from mood_sweeps.scorers.feature.ssd import SSD
from mood_sweeps.scorers.numeric.k_means import train_clusters
from mood_sweeps.scorers.numeric.rows import unit_rows
from tests.support.scorer_cases import score


@pytest.mark.parametrize("k", [2, 4])
def test_is_the_distance_to_the_nearest_clusters_gaussian(case, k):
    x = normalize(case.train.features.astype(np.float64))
    test = normalize(case.test.features.astype(np.float64))
    centres = train_clusters(case.train, k, 0, unit_rows)
    nearest = np.linalg.norm(x[:, None] - centres, axis=2).argmin(axis=1)
    distances = []
    for j in range(k):
        members, offsets = x[nearest == j], test - x[nearest == j].mean(axis=0)
        precision = np.linalg.pinv(np.cov(members.T, bias=True))
        distances.append(np.einsum("nd,de,ne->n", offsets, precision, offsets))
    np.testing.assert_allclose(
        score(SSD(k=k), case.train, case.test), -np.min(distances, axis=0), rtol=1e-7
    )


def test_one_cluster_is_mood_v1s_mahalanobis(case):
    ours = score(SSD(), case.train, case.test)
    np.testing.assert_allclose(ours, score(MahalanobisMOODv1(), case.train, case.test), rtol=1e-9)


def test_by_hand():
    x = np.array([[3.0, 4], [-6, 8], [0.3, -0.4], [-3, -4]])
    test = FeatureBank(np.array([[30.0, 40], [7, 0], [0, 0.1]]), np.zeros(0, int))
    ours = score(SSD(), FeatureBank(x, np.zeros(0, int)), test)
    np.testing.assert_allclose(ours, [-2, -1 / 0.36, -1 / 0.64])


def blobs(small):
    """Many directions about (1, 0, 0) and ``small`` ones about (0, 0, 1), in three dimensions."""
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.normal((9, 0, 0), 1, size=(200, 3)), rng.normal((0, 0, 9), 1, size=(small, 3))]
    )
    return FeatureBank(x, np.zeros(0, int))


def test_a_cluster_that_varies_in_too_few_directions_is_left_out():
    # The second cluster's pseudo-inverse would call everything near that leaves its line.
    probe = FeatureBank(np.array([[0.0, 9, 0], [0, 0, 9]]), np.zeros(0, int))
    lonely, crowded = (score(SSD(k=2), blobs(small), probe) for small in (2, 200))
    assert (lonely < -50).all()
    assert crowded[1] > -10


def test_no_cluster_left_is_undefined():
    train = FeatureBank(np.eye(4, dtype=np.float32), np.zeros(0, int))
    with pytest.raises(Undefined, match="no cluster varies in all directions"):
        SSD(k=4).fit(train, None)
