from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import (
    auroc_covariance,
    bootstrap_difference_interval,
    delong_variance,
    difference_of,
    paired_delong,
    placements,
)


def side(n):
    score = st.integers(-4, 4).map(float)
    return st.tuples(*[st.lists(score, min_size=n, max_size=n)] * 2)


# ID scores of A and of B, OOD scores of A and of B; few distinct values, so ties are the rule.
images = st.tuples(st.integers(2, 10), st.integers(2, 10)).flatmap(
    lambda sizes: st.tuples(side(sizes[0]), side(sizes[1]))
)


def kernel(ids, oods):
    return np.heaviside(np.subtract.outer(ids, oods), 0.5)


def reference_covariance(first, second):
    """DeLong's from all pairs: covariances of row and of column means."""
    return sum(
        np.cov(first.mean(axis=axis), second.mean(axis=axis))[0, 1] / first.shape[1 - axis]
        for axis in (0, 1)
    )


@given(images)
def test_the_covariance_is_delongs_from_all_pairs(images):
    (id_a, id_b), (ood_a, ood_b) = images
    ours = auroc_covariance(placements(id_a, ood_a), placements(id_b, ood_b))
    reference = reference_covariance(kernel(id_a, ood_a), kernel(id_b, ood_b))
    assert ours == pytest.approx(reference, abs=1e-12)


@given(images)
def test_the_covariance_of_a_score_with_itself_is_its_variance(images):
    (ids, _), (oods, _) = images
    placed = placements(ids, oods)
    assert auroc_covariance(placed, placed) == pytest.approx(delong_variance(ids, oods), abs=1e-12)


@given(images)
def test_the_test_is_that_of_the_covariance_matrix(images):
    (id_a, id_b), (ood_a, ood_b) = images
    a, b = kernel(id_a, ood_a), kernel(id_b, ood_b)
    variance = (
        reference_covariance(a, a) + reference_covariance(b, b) - 2 * reference_covariance(a, b)
    )
    if variance < 1e-12:
        return
    found = paired_delong(id_a, ood_a, id_b, ood_b)
    z = (a.mean() - b.mean()) / variance**0.5
    assert found.z == pytest.approx(z, abs=1e-9)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(z)), abs=1e-9)
    interval = norm.interval(0.95, a.mean() - b.mean(), variance**0.5)
    assert (found.low, found.high) == pytest.approx(tuple(np.clip(interval, -1, 1)), abs=1e-9)


@given(images)
def test_the_aurocs_are_scikit_learns(images):
    (id_a, id_b), (ood_a, ood_b) = images
    positive = np.repeat([1, 0], [len(id_a), len(ood_a)])
    a, b = placements(id_a, ood_a), placements(id_b, ood_b)
    assert a.auroc == pytest.approx(roc_auc_score(positive, id_a + ood_a), abs=1e-12)
    assert b.auroc == pytest.approx(roc_auc_score(positive, id_b + ood_b), abs=1e-12)


def defined(images, level=0.95):
    (id_a, id_b), (ood_a, ood_b) = images
    a, b = placements(id_a, ood_a), placements(id_b, ood_b)
    try:
        return difference_of(a, b, level)
    except Undefined:
        assert np.ptp(a.id_wins - b.id_wins) == np.ptp(a.ood_wins - b.ood_wins) == 0
        return None


@given(images, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_leaves_out_zero_exactly_where_the_test_rejects(images, level):
    found = defined(images, level)
    if found is None or abs(found.p_value - (1 - level)) < 1e-9:
        return
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert found.low < found.high
    assert (found.p_value < 1 - level) == (not found.low <= 0 <= found.high)


@given(images)
def test_exchanging_the_scores_mirrors_the_difference(images):
    found = defined(images)
    mirrored = defined([pair[::-1] for pair in images])
    if found is None:
        assert mirrored is None
        return
    assert (mirrored.auroc_a, mirrored.auroc_b) == (found.auroc_b, found.auroc_a)
    assert (mirrored.difference, mirrored.z) == (-found.difference, -found.z)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    assert mirrored.p_value == found.p_value


def test_by_hand():
    # V₁₀ of A: 1, 1, ½; of B: 1, ½, 0. V₀₁ of A: 1, ⅔; of B: ⅔, ⅓. Differences 0, ½, ½; ⅓, ⅓.
    found = paired_delong([3.0, 2.5, 1.0], [0.0, 2.0], [3.0, 1.0, -1.0], [0.0, 2.0])
    assert (found.auroc_a, found.auroc_b) == pytest.approx((5 / 6, 3 / 6))
    assert found.difference == pytest.approx(1 / 3)
    assert found.z == pytest.approx((1 / 3) / math.sqrt((1 / 12) / 3))
    assert found.p_value == pytest.approx(2 * norm.sf(2))
    assert (found.n_id, found.n_ood) == (3, 2)


def test_only_ranks_count():
    rng = np.random.default_rng(0)
    ids, oods = rng.normal(1, 1, (2, 50)), rng.normal(0, 1, (2, 70))
    assert paired_delong(ids[0], oods[0], ids[1], oods[1]) == paired_delong(
        np.exp(ids[0]), np.exp(oods[0]), 3 * ids[1] - 7, 3 * oods[1] - 7
    )


def test_scores_that_rank_alike_do_not_differ_and_leave_room_for_what_was_not_seen():
    rng = np.random.default_rng(0)
    ids, oods = rng.normal(1, 1, 200), rng.normal(0, 1, 300)
    found = paired_delong(ids, oods, np.exp(ids), np.exp(oods))
    assert (found.difference, found.z, found.p_value) == (0, 0, 1)
    assert found.high == -found.low
    # A pair that differs with this probability stays unseen in 200 pairs 2.5 times in a hundred.
    assert binom.pmf(0, 200, found.high) == pytest.approx(0.025)


def test_two_separated_sides_do_not_differ():
    ids, oods = np.arange(30) + 100.0, np.arange(20) * 1.0
    found = paired_delong(ids, oods, ids[::-1], oods)
    assert (found.auroc_a, found.auroc_b, found.p_value) == (1, 1, 1)
    assert binom.pmf(0, 20, found.high) == pytest.approx(0.025)


@pytest.mark.parametrize("m", [2, 6, 7, 200, 5000])
def test_separated_against_reversed_is_a_sign_test_of_the_smaller_side(m):
    ids, oods = np.arange(m) + 10_000.0, np.arange(m + 3) * 1.0
    found = paired_delong(ids, oods, -ids, -oods)
    assert (found.difference, found.z, found.high) == (1, math.inf, 1)
    assert found.p_value == pytest.approx(min(1, 2 * 0.5**m))
    assert (found.low > 0) == (found.p_value < 0.05)


def test_separated_against_constant():
    ids, oods = np.arange(40) + 100.0, np.arange(40) * 1.0
    found = paired_delong(np.ones(40), np.ones(40), ids, oods)
    assert (found.difference, found.z) == (-0.5, -math.inf)
    assert found.low < -0.5 < found.high < 0
    assert found.p_value == pytest.approx(2 * (2 / 3) ** 40)


def test_the_same_difference_of_every_image_between_other_rankings_is_undefined():
    # A wins 1, 1, 1 and 1, 0, ½ of its pairs; B wins 1, 0, ½ and 0, 0, 0.
    with pytest.raises(Undefined, match="same difference"):
        paired_delong([5.0, 1.0], [0.0, 2.0, 1.0], [1.0, -1.0], [0.0, 2.0, 1.0])


def correlated(rng, correlation, n):
    first, other = rng.normal(size=(2, n))
    return first, correlation * first + (1 - correlation**2) ** 0.5 * other


@pytest.mark.parametrize(
    ("auroc_a", "auroc_b", "correlation"),
    [(0.6, 0.6, 0.5), (0.8, 0.7, 0.9), (0.9, 0.9, 0.95), (0.95, 0.9, 0.5), (0.99, 0.97, 0.5)],
)
def test_it_covers_the_true_difference_about_as_often_as_it_says(auroc_a, auroc_b, correlation):
    rng = np.random.default_rng(0)
    shift_a, shift_b = norm.ppf([auroc_a, auroc_b]) * np.sqrt(2)
    covered = []
    for _ in range(2000):
        id_a, id_b = correlated(rng, correlation, 200)
        ood_a, ood_b = correlated(rng, correlation, 200)
        found = paired_delong(id_a + shift_a, ood_a, id_b + shift_b, ood_b)
        covered.append(found.low <= auroc_a - auroc_b <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_the_bootstrap_agrees():
    rng = np.random.default_rng(1)
    id_a, id_b = correlated(rng, 0.8, 300)
    ood_a, ood_b = correlated(rng, 0.8, 200)
    scores = id_a + 2, ood_a, id_b + 1.5, ood_b
    found = paired_delong(*scores)
    assert (found.low, found.high) == pytest.approx(
        bootstrap_difference_interval(*scores), abs=0.005
    )
    assert found.high - found.low > 0.03


def test_many_scores_are_compared_by_their_placements():
    rng = np.random.default_rng(2)
    ids, oods = rng.normal(1, 1, (3, 40)), rng.normal(0, 1, (3, 30))
    placed = [placements(ids[each], oods[each]) for each in range(3)]
    for a in range(3):
        for b in range(3):
            direct = paired_delong(ids[a], oods[a], ids[b], oods[b])
            assert difference_of(placed[a], placed[b]) == direct


def test_other_images_are_refused():
    with pytest.raises(InputError, match="same images: there are 3 and 2 ID scores"):
        paired_delong(np.zeros(3), np.zeros(4), np.zeros(2), np.zeros(4))
    with pytest.raises(InputError, match="4 and 5 OOD scores"):
        auroc_covariance(placements(np.zeros(3), np.zeros(4)), placements(np.zeros(3), np.zeros(5)))


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_a_level_outside_its_range_is_refused(level):
    with pytest.raises(InputError, match="confidence level"):
        paired_delong([1.0, 2.0], [0.0, 1.0], [1.0, 2.0], [0.0, 3.0], level)


@pytest.mark.parametrize(("n_id", "n_ood"), [(1, 5), (5, 1)])
def test_a_single_image_on_a_side_has_no_variance(n_id, n_ood):
    with pytest.raises(Undefined, match="two images on either side"):
        paired_delong(np.ones(n_id), np.zeros(n_ood), np.zeros(n_id), np.ones(n_ood))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_without_a_rank_are_undefined(bad):
    good = [1.0, 2.0]
    with pytest.raises(Undefined, match="1 of 2 ID scores are NaN or infinite"):
        paired_delong(good, good, [1.0, bad], good)
    with pytest.raises(Undefined, match="1 of 2 OOD scores are NaN or infinite"):
        paired_delong(good, [1.0, bad], good, good)
    with pytest.raises(Undefined, match="no OOD scores"):
        paired_delong(good, [], good, [])
