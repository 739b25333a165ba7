from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.hybrid.ash import ASHB, ASHP, ASHS, ASHBOpenOOD, ASHSPooledPytorchOOD
from mood_sweeps.scorers.logit.energy import Energy

VARIANTS = [ASHP, ASHB, ASHS]


def read_as_digits(scorer, *rows):
    """Scores under a head that reads the four activations as the digits of one number."""
    bank = FeatureBank(np.array(rows, float), np.zeros(len(rows), int))
    head = Head(np.array([[1.0, 10.0, 100.0, 1000.0]]), np.zeros(1))
    return scorer.score(scorer.fit(bank, head), bank)


def test_p_keeps_the_largest_by_hand():
    ours = read_as_digits(ASHP(percentile=50), [1, 4, 2, 3], [-1, -4, -2, -3])
    np.testing.assert_allclose(ours, [3040, -201])


def test_b_shares_the_sum_among_the_largest_by_hand():
    # Σx / k = 5 at the two largest places; a negative sum as it is.
    ours = read_as_digits(ASHB(percentile=50), [1, 4, 2, 3], [-1, -4, -2, -3])
    np.testing.assert_allclose(ours, [5050, -5 * 101])


def test_s_scales_what_is_kept_by_hand():
    ours = read_as_digits(ASHS(percentile=50), [1, 4, 2, 3], [-1, -4, -2, -3])
    np.testing.assert_allclose(ours, [np.exp(10 / 7) * 3040, np.exp(10 / 3) * -201])


def test_more_zeros_than_places_left():
    # The last place is shared by three zeros: nothing to P and S, a third of Σx / k each to B.
    ours = [read_as_digits(kind(percentile=50), [0, 6, 0, 0])[0] for kind in VARIANTS]
    np.testing.assert_allclose(ours, [60, 3 * (10 + (1 + 100 + 1000) / 3), np.e * 60])


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_features_without_a_positive_sum_have_a_score(kind):
    rows = [[0, 0, 0, 0], [1, -1, 0, 0], [1, -1, -2, -3], [-1, -1, -1, -1], [1e-9, 0, 0, -9]]
    ours = read_as_digits(kind(percentile=50), *rows)
    assert np.isfinite(ours).all()
    assert ours[0] == 0


def test_s_leaves_what_sums_to_nothing_unscaled():
    np.testing.assert_allclose(read_as_digits(ASHS(percentile=50), [2, -2, -5, -7]), [2 - 20])


def test_an_exponent_beyond_500_counts_as_500():
    # Σx / Σx′ = 1001, far beyond what exp can hold.
    ours = read_as_digits(ASHS(percentile=50), [1.0, -0.999, -0.5, 0.0], [-900, 1, -0.1, -101])
    assert np.isfinite(ours).all()
    ours = read_as_digits(ASHS(percentile=50), [-900, 1, -2, -101])
    np.testing.assert_allclose(ours, [np.exp(500) * (10 - 200)])


@pytest.mark.parametrize("kind", VARIANTS)
def test_the_order_of_the_dimensions_does_not_matter(case, kind):
    order = np.random.default_rng(0).permutation(16)
    turned = FeatureBank(case.test.features[:, order], case.test.labels)
    head = Head(case.head.weight[:, order], case.head.bias)
    ash = kind()
    np.testing.assert_allclose(
        ash.score(ash.fit(turned, head), turned),
        ash.score(ash.fit(case.train, case.head), case.test),
        rtol=1e-5,
        atol=1e-5,
    )


def test_nothing_pruned(case):
    energy = Energy().score({}, case.test)
    pruned, scaled = ASHP(percentile=0), ASHS(percentile=0)
    ours = pruned.score(pruned.fit(case.train, case.head), case.test)
    np.testing.assert_allclose(ours, energy, rtol=1e-5)
    # With everything kept the scale is e for all.
    logits = np.e * (case.test.logits.astype(np.float64) - case.head.bias) + case.head.bias
    ours = scaled.score(scaled.fit(case.train, case.head), case.test)
    np.testing.assert_allclose(ours, logsumexp(logits, axis=1), rtol=1e-5)


def test_percentiles_of_the_variants():
    assert [kind().percentile for kind in VARIANTS] == [65, 65, 90]
    assert ASHBOpenOOD().percentile == 90
    assert ASHSPooledPytorchOOD().percentile == 65


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_logits_beyond_float32_are_undefined():
    bank = FeatureBank(np.full((2, 4), 3e38, np.float32), np.zeros(2, int))
    head = Head(np.full((2, 4), 9, np.float32), np.zeros(2, np.float32))
    for kind in (ASHP, ASHS):
        with pytest.raises(Undefined, match="2 of 2 scores are NaN or infinite"):
            kind().score(kind().fit(bank, head), bank)
