from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans as ScikitLearnKMeans

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric import k_means as clusters
from mood_sweeps.scorers.numeric.k_means import (
    k_means,
    nearest_centre,
    sample_points,
    train_clusters,
)
from mood_sweeps.scorers.numeric.rows import plain_rows


def blobs(count=3, each=40):
    rng = np.random.default_rng(4)
    corners = [(20 * j, -20 * j) for j in range(count)]
    return np.concatenate([rng.normal(corner, 1, size=(each, 2)) for corner in corners])


def test_finds_separate_blobs_and_their_means():
    x = blobs()
    centres = k_means(x, 3, np.random.default_rng(0))
    means = x.reshape(3, 40, 2).mean(axis=1)
    np.testing.assert_allclose(centres[np.argsort(centres[:, 0])], means, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_is_a_fixed_point_as_good_as_scikit_learns(case, seed):
    x = case.train.features.astype(np.float64)
    centres = k_means(x, 6, np.random.default_rng(seed))
    distances = cdist(x, centres)
    nearest = distances.argmin(axis=1)
    assert nearest_centre(x, centres).tolist() == nearest.tolist()
    for j, centre in enumerate(centres):
        np.testing.assert_allclose(centre, x[nearest == j].mean(axis=0), rtol=1e-10)
    theirs = ScikitLearnKMeans(6, n_init=1, random_state=seed).fit(x)
    assert (distances.min(axis=1) ** 2).sum() < 1.2 * theirs.inertia_


def test_the_first_of_equally_near_centres():
    assert nearest_centre(np.zeros((2, 1)), np.array([[3.0], [-1], [1]])).tolist() == [1, 1]


def test_a_centre_without_points_stays_where_it_is(monkeypatch):
    monkeypatch.setattr(clusters, "_first_centres", lambda *_: [0, 1, 2])
    # The second point is the first again: of two equal centres only the first has points.
    centres = k_means(np.array([[0.0], [0.0], [9.0], [11.0]]), 3, np.random.default_rng(0))
    assert centres.tolist() == [[0], [0], [10]]


def test_the_same_seed_the_same_centres(case):
    def centres(seed):
        copy = FeatureBank(case.train.features, case.train.labels)
        return train_clusters(copy, 5, seed, plain_rows)

    np.testing.assert_array_equal(centres(1), centres(1))
    assert not np.array_equal(centres(1), centres(2))


def test_far_from_the_origin_is_no_different():
    near, far = (FeatureBank(blobs() + offset, np.zeros(0, int)) for offset in (0, 2.0**30))
    expected = train_clusters(near, 3, 0, plain_rows) + 2.0**30
    np.testing.assert_allclose(train_clusters(far, 3, 0, plain_rows), expected, rtol=1e-14)


def test_points_are_all_rows_or_a_sample_of_different_ones(monkeypatch):
    features = np.arange(500, dtype=np.float32)[:, None]
    rng = np.random.default_rng(0)
    assert sample_points(features, plain_rows, rng).tolist() == features.tolist()
    monkeypatch.setattr(clusters, "SAMPLE", 100)
    drawn = sample_points(features, plain_rows, rng)[:, 0]
    assert drawn.dtype == np.float64
    assert len(set(drawn)) == 100
    assert (np.diff(drawn) > 0).all()
    assert drawn.min() < 50 < 450 < drawn.max()


def test_fewer_different_features_than_clusters_are_undefined():
    train = FeatureBank(np.repeat(np.eye(3, dtype=np.float32), 9, axis=0), np.zeros(0, int))
    assert len(train_clusters(train, 3, 0, plain_rows)) == 3
    with pytest.raises(Undefined, match="fewer than 4 train features differ"):
        train_clusters(train, 4, 0, plain_rows)
