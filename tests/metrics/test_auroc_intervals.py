from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, betaincinv
from scipy.stats import beta, norm

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import auroc, auroc_interval, delong_variance
from mood_sweeps.metrics.auroc_intervals import beta_cdf, beta_quantile

scores = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=40)
several = st.lists(st.integers(-6, 6).map(float), min_size=2, max_size=40)


@given(several, several)
def test_the_variance_is_delongs_from_all_pairs(ids, oods):
    kernel = np.heaviside(np.subtract.outer(ids, oods), 0.5)
    reference = kernel.mean(axis=1).var(ddof=1) / len(ids) + kernel.mean(axis=0).var(ddof=1) / len(
        oods
    )
    assert delong_variance(ids, oods) == pytest.approx(reference, abs=1e-12)


@given(scores, scores, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_interval_contains_the_estimate_and_is_never_a_point(ids, oods, level):
    low, high = auroc_interval(ids, oods, level)
    assert 0 <= low <= auroc(ids, oods) <= high <= 1
    assert low < high


@given(scores, scores)
def test_the_interval_of_the_sides_exchanged_is_mirrored(ids, oods):
    low, high = auroc_interval(ids, oods)
    assert auroc_interval(oods, ids) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(scores, scores)
def test_more_confidence_is_never_narrower(ids, oods):
    low, high = auroc_interval(ids, oods, 0.9)
    wide_low, wide_high = auroc_interval(ids, oods, 0.99)
    assert wide_low <= low + 1e-12
    assert wide_high >= high - 1e-12


def test_is_the_normal_interval_of_the_logit():
    rng = np.random.default_rng(1)
    ids, oods = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    area = auroc(ids, oods)
    spread = norm.ppf(0.975) * delong_variance(ids, oods) ** 0.5 / (area * (1 - area))
    odds = np.log(area / (1 - area)) + np.array([-spread, spread])
    assert auroc_interval(ids, oods) == pytest.approx(tuple(1 / (1 + np.exp(-odds))))


@pytest.mark.parametrize(("n_id", "n_ood"), [(200, 200), (30, 5000), (2000, 3), (1, 1)])
def test_complete_separation_has_jeffreys_limit_of_the_smaller_side(n_id, n_ood):
    low, high = auroc_interval(np.arange(n_id) + 10_000.0, np.arange(n_ood) * 1.0)
    assert low == pytest.approx(beta.ppf(0.025, min(n_id, n_ood) + 0.5, 0.5))
    assert high == 1.0
    assert auroc_interval(np.arange(n_ood) * 1.0, np.arange(n_id) + 10_000.0)[1] < 1


@pytest.mark.parametrize("shape", ["many images a little", "one image by far"])
def test_aurocs_near_one_are_told_apart(shape):
    n = 400
    found = []
    for inversions in (152, 75, 6, 0):  # AUROC 0.99905, 0.99953, 0.99996 and 1
        ids, oods = np.arange(n) + n * 1.0, np.arange(n) * 1.0
        if shape == "one image by far" and inversions:
            oods[-1] = ids[inversions - 1] + 0.5
        elif inversions:  # the i-th largest OOD score is above so many ID scores as are left for it
            counts = np.arange(n)[::-1][: int((2 * inversions) ** 0.5) + 1]
            size = len(counts)
            shares = np.diff(np.linspace(0, inversions, size + 1).round()).astype(int)
            oods[-size:] = n - 1 + np.sort(shares) + np.linspace(0.3, 0.7, size)
        area = auroc(ids, oods)
        assert area == 1 - inversions / n**2
        found.append((*auroc_interval(ids, oods), area))
    lows, highs, areas = zip(*found, strict=True)
    assert np.all(np.diff(lows) > 0)
    assert np.all(np.diff(highs) > 0)
    assert all(low < area < high for low, high, area in found[:3])
    assert areas[3] == highs[3] == 1.0


def test_one_inversion_is_not_more_certain_than_none():
    ids, oods = np.arange(200) + 200.0, np.arange(200) * 1.0
    separated_low, _ = auroc_interval(ids, oods)
    oods[-1] = 200.5
    low, high = auroc_interval(ids, oods)
    assert low <= separated_low
    assert auroc(ids, oods) < high < 1


def test_a_constant_score_leaves_both_sides_open():
    low, high = auroc_interval(np.zeros(50), np.zeros(80))
    assert low == pytest.approx(1 - high)
    assert 0.4 < low < 0.5


def test_a_single_sample_between_the_others_says_nothing():
    assert auroc_interval([1.0], [0.0, 2.0]) == (0.0, 1.0)


def drawn(rng, truth, n_id, n_ood, shape):
    """Scores of a known AUROC: normal, OOD's three times as wide, or exponential."""
    if shape == "exponential":  # P(ID > OOD) = k / (k + 1) for means k and 1
        return rng.exponential(truth / (1 - truth), n_id), rng.exponential(1, n_ood)
    spread = 3 if shape == "wide" else 1
    distance = norm.ppf(truth) * np.sqrt(1 + spread**2)
    return rng.normal(distance, 1, n_id), rng.normal(0, spread, n_ood)


@pytest.mark.parametrize("shape", ["normal", "wide", "exponential"])
@pytest.mark.parametrize(
    ("truth", "n_id", "n_ood"),
    [
        (0.5, 200, 200),
        (0.8, 200, 200),
        (0.95, 200, 200),
        (0.99, 200, 200),
        (0.999, 200, 200),
        (0.999, 200, 2000),
        (0.999, 1000, 1000),
    ],
)
def test_it_covers_the_truth_about_as_often_as_it_says(truth, n_id, n_ood, shape):
    rng = np.random.default_rng(0)
    repeats = 1000  # a standard error of 0.7%
    intervals = (auroc_interval(*drawn(rng, truth, n_id, n_ood, shape)) for _ in range(repeats))
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert 0.93 <= covered <= 0.97


def test_it_covers_the_truth_where_samples_of_this_size_are_often_separated():
    # One OOD image in a hundred looks more ID than all others: AUROC 0.99, seen as 1 half the time.
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(1000):
        ids = rng.uniform(1, 2, 70)
        oods = np.where(rng.random(70) < 0.01, 3.0, 0.0)
        low, high = auroc_interval(ids, oods)
        covered.append(low <= 0.99 <= high)
    assert np.mean(covered) >= 0.94


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -1.0])
def test_a_level_outside_its_range_is_refused(level):
    with pytest.raises(InputError, match="confidence level"):
        auroc_interval([1.0, 2.0], [0.0, 1.0], level)


def test_a_variance_needs_two_scores_on_either_side():
    with pytest.raises(Undefined, match="two scores on either side"):
        delong_variance([1.0], [0.0, 1.0])


@pytest.mark.parametrize("a", [0.5, 0.7, 3.2, 40.0, 900.5, 25_000.5])
@pytest.mark.parametrize("b", [0.5, 1.5, 60.0, 400.5, 50_000.5])
def test_the_beta_distribution_is_scipys(a, b):
    for probability in (0.005, 0.025, 0.5, 0.95, 0.975, 0.9995):
        quantile = float(betaincinv(a, b, probability))
        assert beta_quantile(probability, a, b) == pytest.approx(quantile, rel=1e-9, abs=1e-13)
        assert beta_cdf(quantile, a, b) == pytest.approx(betainc(a, b, quantile), abs=1e-10)
    assert (beta_cdf(0.0, a, b), beta_cdf(1.0, a, b)) == (0.0, 1.0)
