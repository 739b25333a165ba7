from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.neco import NECO
from tests.support.scorer_cases import make_case


def score(train, test, **settings):
    neco = NECO(**settings)
    return neco.score(neco.fit(train, None), test)


def ratio(train, test, dim):
    known, new = train.features.astype(np.float64), test.features.astype(np.float64)
    scaler = StandardScaler().fit(known)
    scaled = scaler.transform(new)
    inside = PCA().fit(scaler.transform(known)).transform(scaled)[:, :dim]
    return np.linalg.norm(inside, axis=1) / np.linalg.norm(scaled, axis=1)


@pytest.mark.parametrize("dim", [1, 7, 15])
def test_is_the_share_of_the_length_in_the_principal_subspace(case, dim):
    ours = score(case.train, case.test, dim=dim, max_logit=False)
    np.testing.assert_allclose(ours, ratio(case.train, case.test, dim), rtol=1e-5)
    with_logit = score(case.train, case.test, dim=dim)
    np.testing.assert_allclose(with_logit, ours * case.test.logits.max(axis=1), rtol=1e-12)


@pytest.mark.parametrize(("width", "kept"), [(3, 1), (16, 8), (199, 99), (200, 100), (260, 100)])
def test_keeps_a_hundred_axes_or_half_of_fewer(width, kept):
    state = NECO().fit(make_case(d=width).train, None)
    assert state["axes"].shape == (width, kept)


def test_wide_features_agree_with_scikit_learn():
    train, test, _ = make_case(n=1500, d=300)
    ours = score(train, test, max_logit=False)
    np.testing.assert_allclose(ours, ratio(train, test, 100), rtol=1e-5)


def test_a_dimension_that_never_varies_is_only_centred(case):
    def widened(bank, value):
        extra = np.full((len(bank), 1), value, np.float32)
        return FeatureBank(np.hstack([bank.features, extra]), bank.labels, bank.logits)

    train = widened(case.train, 0.1)
    np.testing.assert_allclose(
        score(train, widened(case.test, 0.1), dim=8), score(case.train, case.test, dim=8), rtol=1e-5
    )
    far = score(train, widened(case.test, 5.1), dim=8, max_logit=False)
    assert (far < score(case.train, case.test, dim=8, max_logit=False)).all()


def test_no_subspace_is_undefined(case):
    with pytest.raises(Undefined, match="16 of 16 dimensions are no subspace"):
        NECO(dim=16).fit(case.train, None)


def test_features_that_do_not_vary_are_undefined(case):
    same = FeatureBank(np.full((300, 16), 0.1, np.float32), case.train.labels, case.train.logits)
    with pytest.raises(Undefined, match="do not vary"):
        NECO().fit(same, None)
