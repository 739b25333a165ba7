from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mood_sweeps.scorers.numeric.nearest_neighbours import Neighbours, search
from mood_sweeps.scorers.numeric.neighbour_spaces import (
    direction_points,
    kth_squared_distances,
    query_points,
    target_points,
)


def vectors(array):
    return lambda rows: array[rows]


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_nearest_by_distance_whatever_the_scale(size):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 6)), rng.normal(size=(80, 6))
    expected = NearestNeighbors(n_neighbors=9).fit(y).kneighbors(x)[1]
    x, y = x * size, y * size
    found = search(query_points(30, vectors(x), size), target_points(80, vectors(y), size), 9)
    np.testing.assert_array_equal(found.indices, expected)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_query_far_beyond_the_train_vectors_does_not_overflow():
    y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    x = np.array([[1e60, 0.0], [0.0, -1e60]])
    found = search(query_points(2, vectors(x), 1.0), target_points(3, vectors(y), 1.0), 3)
    assert found.indices.tolist() == [[0, 1, 2], [0, 2, 1]]


def test_directions_are_compared_by_cosine():
    train = np.array([[10.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    found = search(direction_points(np.array([[3.0, 0.0]])), direction_points(train), 3)
    assert found.indices.tolist() == [[0, 1, 2]]
    np.testing.assert_allclose(found.similarities, [[1, np.sqrt(0.5), 0]], rtol=1e-6)


def test_distances_are_those_of_the_vectors_not_of_float32_products():
    x, y = np.array([[1e4 + 1e-3]]), np.array([[0.0], [1e4]])
    found = Neighbours(np.zeros((1, 2), np.float32), np.array([[1, 0]], np.uint32))
    nearest = kth_squared_distances(found, 1, vectors(x), vectors(y))
    np.testing.assert_allclose(nearest, [1e-6], rtol=1e-6)
    second = kth_squared_distances(found, 2, vectors(x), vectors(y))
    np.testing.assert_allclose(second, [(1e4 + 1e-3) ** 2])
