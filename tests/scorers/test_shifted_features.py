"""Scores that a shift of all features, or of all logits, does not change keep their digits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers import SCORERS
from tests.support.scorer_cases import Array, Case, live, make_case
from tests.support.scorer_references.compare import references

# Distances and densities, and what is said of features about their mean. The logits stay.
BY_FEATURES = [
    *("chebyshev", "euclidean", "fdbd", "fdbd@openood", "gauss", "gmm", "gmm@pytorch_ood", "grood"),
    *("kmeans", "knn_raw", "mahalanobis", "mahalanobis@pytorch_ood", "mahalanobis_layers"),
    *("mahalanobis_layers@pytorch_ood", "mahalanobis_per_class", "minkowski", "nci@pytorch_ood"),
    *("neco", "rmd"),
]
# Measured from the feature without logits, which is shifted with the others if the bias is.
BY_ORIGIN = ["residual", "residual@openood", "vim", "vim@openood", "vim@pytorch_ood"]
# Functions of softmax alone.
BY_LOGITS = [
    *("entropy", "entropy@pytorch_ood", "gen", "gen@pytorch_ood", "kl_matching"),
    *("kl_matching@openood", "kl_matching@pytorch_ood", "mcm", "msp", "temperature_msp"),
]


def gridded(case: Case) -> Case:
    """Return the case with features that a shift by 1024 does not round in float32."""

    def bank(of: FeatureBank) -> FeatureBank:
        return of_features(of, np.round(of.features * 2**10) / 2**10, case.head)

    return Case(bank(case.train), bank(case.test), case.head)


def of_features(bank: FeatureBank, features: Array, head: Head) -> FeatureBank:
    return live(FeatureBank(features, bank.labels, bank.logits), head)


def shifted(case: Case, shift: float | Array, dtype: str, head: Head | None = None) -> Case:
    def bank(of: FeatureBank) -> FeatureBank:
        return of_features(of, (of.features.astype("f8") + shift).astype(dtype), head or case.head)

    return Case(bank(case.train), bank(case.test), head or case.head)


def scores(name: str, case: Case, **parameters) -> Array:
    scorer = SCORERS[name](**(references()[name].parameters | parameters))
    state = scorer.fit(case.train, case.head if "head" in scorer.needs else None)
    return scorer.score(state, case.test)


def assert_close(found: Array, expected: Array, within: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=within * np.abs(expected).max())


@pytest.mark.parametrize("width", [16, 96])
@pytest.mark.parametrize(("shift", "dtype"), [(1024, "f4"), (-1024, "f4"), (1e6, "f8")])
@pytest.mark.parametrize("name", BY_FEATURES)
def test_a_shift_of_all_features_changes_no_distance(name, shift, dtype, width):
    case = gridded(make_case(n=400, d=width))
    assert_close(scores(name, shifted(case, shift, dtype)), scores(name, case), 2e-6)


@pytest.mark.parametrize("shift", [1024, 1e6])
def test_a_shift_changes_no_distance_of_she(shift):
    case = gridded(make_case())
    there = scores("she", shifted(case, shift, "f8"), metric="euclidean")
    assert_close(there, scores("she", case, metric="euclidean"), 1e-9)


@pytest.mark.parametrize("width", [16, 200])
@pytest.mark.parametrize("name", BY_ORIGIN)
def test_a_shift_that_the_bias_undoes_changes_no_residual(name, width):
    case = make_case(n=400, d=width)
    weight = case.head.weight.astype(np.float64)
    shift = 1e6 * weight.sum(axis=0) / np.abs(weight.sum(axis=0)).max()
    head = Head(weight, case.head.bias - weight @ shift, case.head.detector)
    parameters = {"dim": 8} if "openood" in name else {}
    there = scores(name, shifted(case, shift, "f8", head), **parameters)
    assert_close(there, scores(name, case, **parameters), 2e-6)


@pytest.mark.parametrize("name", BY_LOGITS)
def test_a_shift_of_all_logits_changes_no_softmax(name):
    case = make_case()

    def bank(of: FeatureBank) -> FeatureBank:
        return dataclasses.replace(of, logits=of.logits.astype("f8") + 1e6)

    there = case._replace(train=bank(case.train), test=bank(case.test))
    assert_close(scores(name, there), scores(name, case), 1e-6)


@pytest.mark.parametrize(("shift", "dtype", "within"), [(1e6, "f8", 1e-6), (1024, "f4", 1e-6)])
@pytest.mark.parametrize("k", [1, 7, 50])
def test_directions_that_are_much_alike_have_the_neighbours_of_scikit_learn(
    k, shift, dtype, within
):
    case = shifted(gridded(make_case()), shift, dtype)
    train, test = (normalize(bank.features.astype(np.float64)) for bank in (case.train, case.test))
    # Their mean subtracted: scikit-learn, too, has ‖x‖² + ‖y‖² − 2xy lose the digits otherwise.
    centre = train.mean(axis=0)
    reference = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(train - centre)
    distances = reference.kneighbors(test - centre)[0][:, -1]
    assert_close(scores("knn", case, k=k), -(distances**2), within)
    assert_close(scores("knn@pytorch_ood", case, k=k), -distances, within)
    if k == 1:
        np.testing.assert_allclose(scores("cosine", case), 1 - distances**2 / 2, rtol=1e-15)


def test_directions_that_are_much_alike_have_the_outlier_factors_of_the_formula():
    case = shifted(gridded(make_case()), 1e6, "f8")
    reference = references()["cfood"]
    expected = reference.scores(case)
    np.testing.assert_array_equal(scores("cfood", case, **reference.parameters), expected)


def test_a_zero_feature_among_directions_that_are_much_alike_is_orthogonal_to_all():
    train = FeatureBank(np.array([[100.0, 1], [100, 2], [100, 3]]), np.zeros(3, int))
    test = FeatureBank(np.zeros((1, 2)), np.zeros(1, int))
    knn = SCORERS["knn"](k=1)
    np.testing.assert_array_equal(knn.score(knn.fit(train, None), test), [-2])
