from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric import neighbour_search as neighbours
from mood_sweeps.scorers.numeric.array_device import computing_on, device_named
from mood_sweeps.scorers.numeric.neighbour_search import (
    Neighbours,
    Points,
    centre_of_alike,
    direction_points,
    kth_squared_distances,
    query_points,
    search,
    shared_search,
    target_points,
)
from mood_sweeps.scorers.numeric.torch_device import TorchDevice
from tests.support.torch_devices import DEVICES, Watched


def shrink_blocks(patch):
    for name, size in (("QUERIES", 3), ("TILE", 8), ("PASS", 6)):
        patch.setattr(neighbours, name, size)


def points(array):
    return Points(len(array), lambda rows: array[rows].astype(np.float32))


def sorted_by_hand(queries, train, k):
    """All products, largest first and of equals the smaller index first."""
    products = queries @ train.T
    order = np.stack([np.lexsort((np.arange(len(train)), -row)) for row in products])[:, :k]
    return np.take_along_axis(products, order, axis=1), order


PLACES = {"numpy": device_named("cpu"), **{f"torch on {one}": TorchDevice(one) for one in DEVICES}}
everywhere = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)

# Products of small integers are exact in float32, and full of ties and zeros of both signs.
integers = st.integers(-2, 2).map(float)


@everywhere
@settings(max_examples=60, deadline=None)
@given(
    queries=arrays(np.float64, (7, 3), elements=integers),
    train=arrays(np.float64, (41, 3), elements=integers),
    k=st.integers(1, 41),
)
def test_is_the_order_of_all_products(place, queries, train, k):
    with pytest.MonkeyPatch.context() as patch, computing_on(place):
        shrink_blocks(patch)
        found = search(points(queries), points(train), k)
    similarities, indices = sorted_by_hand(queries, train, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.similarities, similarities)


@everywhere
@pytest.mark.parametrize("k", [1, 60, 2000, 5000])
def test_blocks_of_full_size_find_what_sorting_finds(k, place):
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(1030, 5)).astype(np.float32)
    train = rng.normal(size=(5000, 5)).astype(np.float32)
    with computing_on(place):
        found = search(points(queries), points(train), k)
    some = [0, 1023, 1024, 1029]
    expected = -np.sort(-(queries[some].astype(np.float64) @ train.T), axis=1)[:, :k]
    np.testing.assert_allclose(found.similarities[some], expected, atol=1e-5)
    products = (queries[some, None, :] * train[found.indices[some]]).sum(axis=2)
    np.testing.assert_allclose(products, found.similarities[some], atol=1e-5)


@everywhere
def test_the_nearest_do_not_depend_on_how_many_are_asked_for(place, monkeypatch):
    shrink_blocks(monkeypatch)
    rng = np.random.default_rng(1)
    queries, train = points(rng.normal(size=(20, 4))), points(rng.normal(size=(50, 4)))
    with computing_on(place):
        most = search(queries, train, 50)
        for k in (1, 7, 8, 9, 30):
            fewer = search(queries, train, k)
            np.testing.assert_array_equal(fewer.indices, most.indices[:, :k])
            np.testing.assert_array_equal(fewer.similarities, most.similarities[:, :k])


def test_one_search_serves_every_k_up_to_256_and_one_more_up_to_1024():
    rng = np.random.default_rng(2)
    bank = FeatureBank(rng.normal(size=(5, 3)), np.zeros(0, int))
    train = points(rng.normal(size=(2000, 3)))
    searched = []

    def block(rows):
        searched.append(rows)
        return bank.features[rows].astype(np.float32)

    def nearest(k, space="a"):
        return shared_search(bank, space, Points(5, block), train, k).indices[:, :k]

    few = nearest(1)
    nearest(256)
    nearest(50)
    assert len(searched) == 1
    many = nearest(500)
    nearest(1000)
    nearest(3)
    assert len(searched) == 2
    np.testing.assert_array_equal(few, many[:, :1])
    nearest(1, space="b")
    assert len(searched) == 3


def test_no_queries_have_no_neighbours():
    train = points(np.eye(3))
    assert search(points(np.zeros((0, 3))), train, 2).indices.shape == (0, 2)


def test_memory_is_far_below_all_products():
    queries = np.random.default_rng(3).normal(size=(4000, 2)).astype(np.float32)
    train = np.random.default_rng(4).normal(size=(30_000, 2)).astype(np.float32)
    all_products = 4 * len(queries) * len(train)
    tracemalloc.start()
    search(points(queries), points(train), 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < all_products / 10


def test_a_device_never_holds_all_products():
    queries = np.random.default_rng(3).normal(size=(3000, 2)).astype(np.float32)
    train = np.random.default_rng(4).normal(size=(20_000, 2)).astype(np.float32)
    there = Watched()
    with computing_on(there):
        search(points(queries), points(train), 10)
    assert max(there.taken) < train.nbytes
    assert max(there.made) < 4 * len(queries) * len(train) / 10


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


def test_directions_are_taken_centre_of_alike_where_they_vary_by_less_than_a_hundredth():
    def pair(degrees):
        angles = np.deg2rad([-degrees, degrees])
        return 7 * np.column_stack([np.cos(angles), np.sin(angles)])

    # The two are cos t from the centre of the circle, and sin t from each other's mean.
    assert centre_of_alike(pair(np.rad2deg(np.arcsin(0.11)))) == {}
    place = centre_of_alike(pair(np.rad2deg(np.arcsin(0.09))))
    np.testing.assert_allclose(place["centre"], [np.sqrt(1 - 0.09**2), 0], atol=1e-12)
    np.testing.assert_allclose(place["scale"], 0.09, rtol=1e-12)
    assert centre_of_alike(pair(0.0))["scale"] == 1
