from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.feature.residual import Residual
from mood_sweeps.scorers.hybrid.vim import ViM
from mood_sweeps.scorers.numeric import bank_statistics as statistics
from mood_sweeps.scorers.numeric.bank_statistics import (
    RunningStatistics,
    class_statistics,
    logit_origin,
    principal_axes,
)
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from tests.support.scorer_cases import make_case


def test_class_statistics_are_counts_means_and_the_within_class_scatter(case):
    x, y = case.train.features.astype(np.float64), case.train.labels
    ours = class_statistics(case.train)
    assert ours.counts.tolist() == np.bincount(y).tolist()
    scatter = 0
    for c in range(5):
        np.testing.assert_allclose(ours.means[c], x[y == c].mean(axis=0), rtol=1e-12)
        scatter += np.cov(x[y == c].T, bias=True) * (y == c).sum()
    np.testing.assert_allclose(ours.scatter, scatter, rtol=1e-9, atol=1e-9)


def test_more_rows_than_a_block_holds():
    case = make_case(n=5000)
    ours = class_statistics(case.train)
    total = np.cov(case.train.features.T.astype(np.float64), bias=True) * 5000
    about_mean = ours.means - case.train.features.mean(axis=0, dtype=np.float64)
    between = (about_mean.T * ours.counts) @ about_mean
    np.testing.assert_allclose(ours.scatter + between, total, rtol=1e-8, atol=1e-6)


def test_principal_axes_diagonalise_the_second_moment_about_an_origin(case):
    origin = np.linspace(-2, 2, 16)
    values, axes = principal_axes(case.train, origin)
    shifted = (case.train.features - origin) @ axes
    moment = shifted.T @ shifted / len(shifted)
    np.testing.assert_allclose(moment, np.diag(values), atol=1e-9)
    assert (np.diff(values) <= 0).all()


def test_the_logit_origin_has_the_smallest_logits(case):
    origin = logit_origin(case.train, case.head)
    np.testing.assert_allclose(case.head.weight @ origin + case.head.bias, 0, atol=1e-5)


def test_the_logit_origin_of_a_repeated_class_is_not_blown_up_by_rounding():
    row = np.random.default_rng(0).normal(size=8).astype(np.float32)
    nearly = np.stack([row, np.nextafter(row, np.float32(9))])
    bank = FeatureBank(np.ones((1, 8), np.float32), np.zeros(1, int))
    origin = logit_origin(bank, Head(nearly, np.array([1, -1], np.float32)))
    assert np.abs(origin).max() < 1


def test_vim_and_residual_share_one_eigendecomposition(case, monkeypatch):
    calls = []
    real = np.linalg.eigh
    monkeypatch.setattr(statistics.np.linalg, "eigh", lambda a: calls.append(1) or real(a))
    ViM().fit(case.train, case.head)
    Residual().fit(case.train, case.head)
    assert len(calls) == 1


def test_what_was_computed_lives_as_long_as_its_bank():
    bank = FeatureBank(np.ones((2, 2)), np.zeros(2, int))
    result = once_per_bank(bank, "a set", lambda: {1})
    assert once_per_bank(bank, "a set", lambda: {2}) is result
    gone = weakref.ref(bank)
    del bank
    gc.collect()
    assert gone() is None


def test_labels_of_another_length_are_refused():
    with pytest.raises(InputError, match="learns from labels"):
        class_statistics(FeatureBank(np.ones((3, 2)), np.zeros(2, int)))


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
