from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_ood import detector as pytorch_ood
from sklearn.covariance import EmpiricalCovariance

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.rmd import RMD
from tests.support.scorer_cases import make_case
from tests.support.scorer_references.distance import double_precision


def score(train, test):
    return RMD().score(RMD().fit(train, None), test)


def difference_of_distances(train, test):
    """The paper's equations, one Mahalanobis distance after the other."""
    x = train.features.astype(np.float64)
    classes = np.unique(train.labels)
    means = np.stack([x[train.labels == c].mean(axis=0) for c in classes])
    centred = x - means[np.searchsorted(classes, train.labels)]
    within = EmpiricalCovariance(assume_centered=True).fit(centred)
    distances = np.min([within.mahalanobis(test.features - mean) for mean in means], axis=0)
    return EmpiricalCovariance().fit(x).mahalanobis(test.features) - distances


@pytest.mark.parametrize(("d", "c"), [(16, 5), (3, 9), (1, 2), (40, 2), (2, 30)])
def test_is_the_difference_of_two_mahalanobis_distances(d, c):
    case = make_case(d=d, c=c)
    expected = difference_of_distances(case.train, case.test)
    np.testing.assert_allclose(
        score(case.train, case.test), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
    )


def test_is_pytorch_oods_times_the_number_of_samples(case):
    # Version 0.4.0 divides neither of its two scatters by N, so both distances are d² / N.
    with double_precision():
        detector = pytorch_ood.RMD(None)
        x, test = (torch.from_numpy(b.features).double() for b in (case.train, case.test))
        detector.fit_features(x, torch.from_numpy(case.train.labels))
        theirs = -detector.predict_features(test).numpy()
    np.testing.assert_allclose(score(case.train, case.test), 300 * theirs, rtol=1e-6, atol=1e-5)


def test_by_hand():
    # Classes at ±5 on the first axis, variances 1 and 4 within; 26 and 4 in all.
    offsets = np.array([[1.0, 2], [1, -2], [-1, 2], [-1, -2]])
    x = np.concatenate([np.add(offsets, (5, 0)), np.subtract(offsets, (5, 0))])
    train = FeatureBank(x, np.repeat([0, 1], 4))
    test = FeatureBank(np.array([[5.0, 0], [5, 100], [0, 7], [-7, 0]]), np.zeros(4, int))
    expected = [25 / 26, 25 / 26, -25, 49 / 26 - 4]
    np.testing.assert_allclose(score(train, test), expected, rtol=1e-12)


def test_directions_in_which_no_class_varies_are_ignored_in_both_distances(case):
    def widened(bank, value):
        extra = np.full((len(bank), 2), value, np.float32)
        return FeatureBank(np.hstack([bank.features, extra]), bank.labels)

    wide = score(widened(case.train, 0), widened(case.test, 3))
    np.testing.assert_allclose(wide, score(case.train, case.test), rtol=1e-8, atol=1e-8)


def test_a_large_common_offset_changes_nothing():
    case = make_case()
    far = [FeatureBank(b.features.astype(float) + 1e6, b.labels) for b in (case.train, case.test)]
    np.testing.assert_allclose(score(*far), score(case.train, case.test), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("classes", [1, 2])
def test_classes_of_one_mean_are_undefined(classes):
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    train = FeatureBank(np.tile(square, (classes, 1)), np.repeat(np.arange(classes), 4))
    with pytest.raises(Undefined, match="all classes have one mean"):
        RMD().fit(train, None)
