from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import autc

scores = st.lists(st.integers(-6, 6).map(lambda n: n / 3), min_size=1, max_size=40)


def integrated(ids, oods):
    """½ ∫ FPR + ½ ∫ FNR over thresholds on outlier scores in [0, 1], piece by piece."""
    outlier = -np.concatenate([ids, oods])
    outlier = (outlier - outlier.min()) / np.ptp(outlier)
    id_part, ood_part = outlier[: len(ids)], outlier[len(ids) :]
    edges = np.unique(outlier)
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    fpr = (id_part[:, None] >= middles).mean(axis=0)
    fnr = (ood_part[:, None] < middles).mean(axis=0)
    return ((fpr + fnr) / 2 * widths).sum()


@given(scores, scores)
def test_it_is_the_integral_of_both_rates(ids, oods):
    assume(len({*ids, *oods}) > 1)
    assert autc(ids, oods) == pytest.approx(integrated(np.array(ids), np.array(oods)), abs=1e-12)


def test_by_hand():
    # On [0, 1]: ID 1, ½; OOD 0, ¼, ½.
    assert autc([4.0, 2.0], [0.0, 1.0, 2.0]) == pytest.approx((1 - (3 / 4 - 1 / 4)) / 2)


@pytest.mark.parametrize(
    ("ids", "oods", "expected"),
    [([1, 1], [0, 0, 0], 0), ([0, 0], [1], 1), ([0, 1], [0, 1], 0.5), ([3], [2], 0)],
)
def test_its_ends_and_its_middle(ids, oods, expected):
    assert autc(ids, oods) == expected


@given(scores, scores, st.floats(0.01, 100), st.floats(-100, 100))
def test_scale_and_origin_do_not_count(ids, oods, scale, origin):
    assume(len({*ids, *oods}) > 1)
    moved = autc(np.array(ids) * scale + origin, np.array(oods) * scale + origin)
    assert moved == pytest.approx(autc(ids, oods), abs=1e-6)


def test_sides_that_lie_further_apart_are_better_at_the_same_auroc():
    assert autc([0.9, 1.0], [0.0, 0.1]) < autc([0.6, 1.0], [0.0, 0.4])


def test_scores_without_a_curve_are_undefined():
    with pytest.raises(Undefined, match="all equal"):
        autc([1.0, 1.0], [1.0])
    with pytest.raises(Undefined, match="span more"):
        autc([1e308], [-1e308])
    with pytest.raises(Undefined, match="NaN or infinite"):
        autc([1.0, float("inf")], [0.0])
    with pytest.raises(Undefined, match="no OOD scores"):
        autc([1.0], [])
    with pytest.raises(InputError, match="one-dimensional"):
        autc(np.zeros((2, 2)), np.zeros(3))
