from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.residual import Residual, principal_dimension


def reference_residual(train, test, head, dim):
    """Residual transcribed from the ViM paper: covariance about u, smallest axes, their norm."""
    u = -np.linalg.pinv(head.weight.astype(np.float64)) @ head.bias
    covariance = EmpiricalCovariance(assume_centered=True).fit(train.features - u).covariance_
    values, vectors = np.linalg.eigh(covariance)
    rest = vectors[:, np.argsort(-values)[dim:]]
    return np.linalg.norm((test.features - u) @ rest, axis=1)


@pytest.mark.parametrize("dim", [None, 1, 3, 15])
def test_is_the_norm_outside_the_principal_subspace(case, dim):
    residual = Residual(dim)
    ours = residual.score(residual.fit(case.train, case.head), case.test)
    reference = -reference_residual(case.train, case.test, case.head, dim or 8)
    np.testing.assert_allclose(ours, reference, rtol=1e-6)


def test_by_hand():
    # u = 0; the train features vary most along the first axis, so the second is the residual.
    head = Head(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    train = FeatureBank(np.array([[3.0, 1], [-3, 1], [3, -1], [-3, -1]]), np.array([0, 0, 1, 1]))
    test = FeatureBank(np.array([[7.0, 0.0], [0.0, 2.0]]), np.zeros(2, int))
    residual = Residual(dim=1)
    np.testing.assert_allclose(residual.score(residual.fit(train, head), test), [0, -2], atol=1e-12)


@pytest.mark.parametrize(
    ("width", "kept"), [(1, 0), (8, 4), (767, 383), (768, 512), (2047, 512), (2048, 1000)]
)
def test_the_rule_for_the_principal_dimension(width, kept):
    assert principal_dimension(width, wide=1000) == kept


def test_no_residual_dimension_left_is_undefined(case):
    with pytest.raises(Undefined, match="16 dimensions leaves no residual in features of 16"):
        Residual(dim=16).fit(case.train, case.head)
