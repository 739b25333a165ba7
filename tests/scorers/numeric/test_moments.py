from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.moments import (
    feature_blocks,
    group_members,
    ledoit_wolf,
    moments_of,
    train_mean,
    train_moments,
)
from mood_sweeps.scorers.numeric.rows import plain_rows, unit_rows
from tests.support.scorer_cases import make_case


def assert_moments(moments, x):
    centred = x - x.mean(axis=0)
    assert moments.count == len(x)
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(moments.scatter, centred.T @ centred, rtol=1e-8, atol=1e-8)
    assert moments.fourth == pytest.approx((np.linalg.norm(centred, axis=1) ** 4).sum(), rel=1e-9)


@pytest.mark.parametrize("rows", [plain_rows, unit_rows])
def test_moments_of_more_rows_than_a_block_holds(rows):
    train = make_case(n=5000).train
    x = rows(train.features)
    assert_moments(train_moments(train, rows), x)
    assert_moments(moments_of(train.features, rows), x)
    np.testing.assert_allclose(train_mean(train, rows), x.mean(axis=0), rtol=1e-12)
    members = np.arange(4000, 0, -3)
    assert_moments(moments_of(train.features, rows, members), x[members])


def test_moments_need_no_labels(case):
    unlabelled = FeatureBank(case.train.features, np.zeros(0, np.int64))
    assert_moments(train_moments(unlabelled, plain_rows), plain_rows(case.train.features))


def test_blocks_are_all_rows_in_order():
    features = np.arange(9000.0).reshape(4500, 2)
    assert np.concatenate(list(feature_blocks(features, plain_rows))).tolist() == features.tolist()
    members = np.array([7, 3, 3])
    blocks = list(feature_blocks(features, plain_rows, members))
    assert [block.tolist() for block in blocks] == [features[members].tolist()]


def test_members_of_groups_in_ascending_order():
    found = group_members(np.array([5, -2, 5, 9, -2]))
    assert [members.tolist() for members in found] == [[1, 4], [0, 2], [3]]


@pytest.mark.parametrize(("n", "d"), [(3, 1), (4, 20), (50, 20), (2000, 5)])
def test_shrinks_as_scikit_learn(n, d):
    x = np.random.default_rng(n).standard_t(4, size=(n, d)) * np.geomspace(0.01, 10, d) + 3
    covariance, share = ledoit_wolf(moments_of(x, plain_rows))
    theirs = LedoitWolf().fit(x)
    np.testing.assert_allclose(covariance, theirs.covariance_, rtol=1e-9, atol=1e-12)
    if d > 1:
        assert share == pytest.approx(theirs.shrinkage_, rel=1e-6)


def test_a_covariance_that_is_its_own_target_or_nothing():
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    covariance, share = ledoit_wolf(moments_of(square, plain_rows))
    assert (covariance.tolist(), share) == (np.eye(2).tolist(), 1.0)
    covariance, _ = ledoit_wolf(moments_of(np.ones((3, 2)), plain_rows))
    assert not covariance.any()
