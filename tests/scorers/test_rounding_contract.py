"""Every scorer of the catalogue on features that differ by rounding: the same rank, and scores."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers import SCORERS, Scorer
from mood_sweeps.scorers.scorer import State
from tests.support.rounded_features import CLASSES, KINDS, RANKS, WIDTH, layer_norm, rounded_case
from tests.support.scorer_cases import Case, make_case
from tests.support.scorer_references.compare import references

# They add 10⁻⁶ to a sum over all samples, as pytorch-ood does: a direction that never varies counts
# 10⁶ times the square of its rounding. It is what the tool computes, and a note says so.
ADDING = {
    "mahalanobis@pytorch_ood",
    "mahalanobis_layers@pytorch_ood",
    "mahalanobis_perturbed@pytorch_ood",
}
# Everything else that decomposes or inverts a matrix made of features.
INVERTING = {
    *("gauss", "gmm", "gmm@pytorch_ood", "mahalanobis", "mahalanobis@moodv1"),
    *("mahalanobis@moodv2", "mahalanobis@openood", "mahalanobis_layers", "mahalanobis_per_class"),
    *("mahalanobis_perturbed", "neco", "pnml", "rankfeat", "residual", "residual@moodv2"),
    *("residual@openood", "rmd", "rmd@openood", "ssd", "vim", "vim@moodv2", "vim@openood"),
    "vim@pytorch_ood",
}
# A direction that never varies is not left out, but its variance raised: that of rounding, or, with
# pytorch-ood, 10⁻⁶, which is not far above the rounding of features around 100.
RAISING = {"gmm", "gmm@pytorch_ood"}
# Half of the dimensions are principal: more than there are directions.
WITHOUT_RESIDUAL = {(name, "ten directions") for name in ("vim", "vim@moodv2", "vim@pytorch_ood")}
DECOMPOSING = ("cholesky", "eigh", "eigvalsh", "inv", "lstsq", "pinv", "solve", "svd")


@functools.cache
def case_of(kind: str, rounding: float = 0.0, columns_first: bool = False) -> Case:
    return rounded_case(kind, rounding, columns_first)


def fitted(name: str, case: Case) -> tuple[Scorer, State]:
    scorer = SCORERS[name](**references()[name].parameters)
    return scorer, scorer.fit(case.train, case.head if "head" in scorer.needs else None)


def assert_alike(name: str, one: Case, other: Case, within: float) -> None:
    """The same shapes of states, so the same rank, and scores that agree."""
    scorer, state = fitted(name, one)
    _, state_of_other = fitted(name, other)
    for array, found in state.items():
        assert found.shape == state_of_other[array].shape
    scores = scorer.score(state, one.test)
    atol = within * np.abs(scores).max()
    np.testing.assert_allclose(scorer.score(state_of_other, other.test), scores, 0, atol)
    assert scorer.notes(state, one.test) == scorer.notes(state_of_other, other.test)


@pytest.mark.parametrize("name", sorted(set(SCORERS) - ADDING))
def test_rounding_does_not_change_what_is_scored(name):
    plain = case_of("LayerNorm")
    assert_alike(name, plain, case_of("LayerNorm", rounding=1e-6), within=1e-4)


def rounded_otherwise(kind: str) -> list[Case]:
    return [case_of(kind, 1e-7), case_of(kind, 1e-6), case_of(kind, columns_first=True)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in sorted(INVERTING)
        for kind in KINDS
        if (name, kind) not in WITHOUT_RESIDUAL
    ],
)
def test_what_inverts_finds_the_same_rank(name, kind):
    within = 5e-3 if name in RAISING else 1e-5
    for other in rounded_otherwise(kind):
        assert_alike(name, case_of(kind), other, within)


@pytest.mark.parametrize(("name", "kind"), sorted(WITHOUT_RESIDUAL))
def test_what_has_no_residual_but_rounding_is_undefined_however_it_is_rounded(name, kind):
    for case in (case_of(kind), *rounded_otherwise(kind)):
        with pytest.raises(Undefined, match="vary along 11 of 32 axes"):
            fitted(name, case)


def test_the_list_of_what_inverts_is_whole(monkeypatch):
    called: set[str] = set()
    for name in DECOMPOSING:
        original = getattr(np.linalg, name)

        def watched(*given, _original=original, _name=name, **more):
            called.add(_name)
            return _original(*given, **more)

        monkeypatch.setattr(np.linalg, name, watched)
    found = set()
    for name in SCORERS:
        case = make_case(n=120)  # a new one: what was computed once is not computed again
        called.clear()
        scorer, state = fitted(name, case)
        scorer.score(state, case.test)
        if called:
            found.add(name)
    assert found == INVERTING | ADDING


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["mahalanobis", "mahalanobis_layers", "mahalanobis_perturbed", "rmd"]
)
def test_a_note_says_how_many_dimensions_were_left_out(name, kind):
    case = case_of(kind)
    scorer, state = fitted(name, case)
    lost = f"{WIDTH - RANKS[kind]} of {WIDTH} dimensions left out"
    notes = scorer.notes(state, case.test)
    assert notes
    assert all(lost in note for note in notes)
    regular = make_case()
    assert scorer.notes(fitted(name, regular)[1], regular.test) == ()


@pytest.mark.parametrize("name", ["mahalanobis@moodv1", "ssd", "pnml"])
def test_a_note_says_it_of_features_of_unit_length(name):
    case = case_of("LayerNorm without bias")
    scorer, state = fitted(name, case)
    assert state["whitening"].shape[-1] == WIDTH - 1
    (note,) = scorer.notes(state, case.test)
    assert f"1 of {WIDTH} dimensions left out" in note


@pytest.mark.parametrize("name", sorted(ADDING))
def test_a_note_says_where_what_a_tool_adds_decides(name):
    case = case_of("a constant dimension")
    scorer, state = fitted(name, case)
    for note in scorer.notes(state, case.test):
        assert f"in 1 of {WIDTH} dimensions the 10⁻⁶ added to it decides" in note
    assert scorer.notes(state, case.test)


@pytest.mark.parametrize("name", ["residual", "neco"])
def test_a_note_says_that_the_principal_subspace_is_smaller(name):
    case = case_of("ten directions")
    scorer, state = fitted(name, case)
    (note,) = scorer.notes(state, case.test)
    assert "these are the principal subspace, not 16" in note


@pytest.mark.parametrize("rounding", [0.0, 1e-7, 1e-6])
def test_a_direction_across_dimensions_of_different_size_is_left_out(rounding):
    rng = np.random.default_rng(8)
    labels = np.arange(600) % CLASSES
    x = rng.normal(size=(CLASSES, WIDTH))[labels] + rng.normal(size=(600, WIDTH))
    weight, bias = np.logspace(-3, 3, WIDTH), 10 * rng.normal(size=WIDTH)
    features = layer_norm(x, weight.astype("f4"), (weight * bias).astype("f4"))
    features = features * (1 + rounding * rng.normal(size=features.shape))
    bank = FeatureBank(features.astype("f4"), labels)
    scorer = SCORERS["mahalanobis"]()
    state = scorer.fit(bank, None)
    assert state["whitening"].shape == (WIDTH, WIDTH - 1)
    # The mean square of a whitened feature about its class mean is 1 in each dimension that counts.
    white = (features - state["centre"]) @ state["whitening"] - state["means"][labels]
    np.testing.assert_allclose((white**2).mean(axis=0), 1, rtol=1e-3)


def test_what_is_left_of_mahalanobis_is_the_pseudo_inverse_by_numpy():
    case = case_of("LayerNorm")
    _, state = fitted("mahalanobis", case)
    features = case.train.features.astype(np.float64)
    means = np.stack([features[case.train.labels == c].mean(axis=0) for c in range(5)])
    covariance = np.cov((features - means[case.train.labels]).T, bias=True)
    inverse = np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)
    differences = case.test.features.astype(np.float64)[:, None] - means
    expected = -np.einsum("ncd,de,nce->nc", differences, inverse, differences).min(axis=1)
    scores = SCORERS["mahalanobis"]().score(state, case.test)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
