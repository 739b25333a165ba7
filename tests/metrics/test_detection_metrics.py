from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import (
    auc,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import (
    acceptance_threshold,
    ap_in,
    ap_out,
    aupr_in,
    aupr_out,
    auroc,
    auroc_interval,
    autc,
    detection_error,
    detection_metrics,
    fpr_at_tpr,
    fpr_at_tpr_ood_positive,
)

# Few distinct values, so that ties within and across the sides are the rule.
scores = st.lists(st.integers(-6, 6).map(lambda n: n / 3), min_size=1, max_size=60)
# Any value, so that neither its size nor its distance from the next one counts.
any_scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)
metrics = pytest.mark.parametrize(
    "metric",
    [
        auroc,
        fpr_at_tpr,
        fpr_at_tpr_ood_positive,
        aupr_in,
        aupr_out,
        ap_in,
        ap_out,
        detection_error,
        detection_metrics,
    ],
)


def labelled(id_scores, ood_scores):
    return np.repeat([1, 0], [len(id_scores), len(ood_scores)]), np.array(id_scores + ood_scores)


def reference_fpr(positive, values, tpr):
    fpr, recall, _ = roc_curve(positive, values, drop_intermediate=False)
    return fpr[np.argmax(recall >= tpr - 1e-12)]


@given(scores | any_scores, scores | any_scores)
def test_auroc_is_scikit_learns(ids, oods):
    assert auroc(ids, oods) == pytest.approx(roc_auc_score(*labelled(ids, oods)), abs=1e-12)


@given(scores, scores)
def test_auroc_of_the_sides_exchanged_is_the_complement(ids, oods):
    assert auroc(ids, oods) == pytest.approx(1 - auroc(oods, ids), abs=1e-15)


@given(scores, scores, st.sampled_from([0.05, 0.5, 0.8, 0.95, 1.0]))
def test_fpr_is_scikit_learns_in_both_conventions(ids, oods, tpr):
    positive, values = labelled(ids, oods)
    assert fpr_at_tpr(ids, oods, tpr) == pytest.approx(reference_fpr(positive, values, tpr))
    assert fpr_at_tpr_ood_positive(ids, oods, tpr) == pytest.approx(
        reference_fpr(1 - positive, -values, tpr)
    )


@given(scores | any_scores, scores | any_scores)
def test_aupr_is_the_trapezoid_of_scikit_learns_curve(ids, oods):
    positive, values = labelled(ids, oods)
    precision, recall, _ = precision_recall_curve(positive, values)
    assert aupr_in(ids, oods) == pytest.approx(auc(recall, precision), abs=1e-12)
    precision, recall, _ = precision_recall_curve(1 - positive, -values)
    assert aupr_out(ids, oods) == pytest.approx(auc(recall, precision), abs=1e-12)


@given(scores | any_scores, scores | any_scores)
def test_average_precision_is_scikit_learns(ids, oods):
    positive, values = labelled(ids, oods)
    assert ap_in(ids, oods) == pytest.approx(average_precision_score(positive, values), abs=1e-12)
    assert ap_out(ids, oods) == pytest.approx(
        average_precision_score(1 - positive, -values), abs=1e-12
    )


@given(scores | any_scores, scores | any_scores)
def test_detection_error_is_the_least_on_scikit_learns_curve(ids, oods):
    fpr, tpr, _ = roc_curve(*labelled(ids, oods), drop_intermediate=False)
    assert detection_error(ids, oods) == pytest.approx(((fpr + 1 - tpr) / 2).min(), abs=1e-12)


@given(scores, scores)
def test_detection_error_is_the_same_whichever_side_is_positive(ids, oods):
    negated = detection_error([-score for score in oods], [-score for score in ids])
    assert detection_error(ids, oods) == pytest.approx(negated, abs=1e-12)


@given(scores, scores)
def test_all_at_once_are_the_single_metrics(ids, oods):
    low, high = auroc_interval(ids, oods)
    assert dataclasses.asdict(detection_metrics(ids, oods)) == {
        "auroc": auroc(ids, oods),
        "auroc_low": low,
        "auroc_high": high,
        "fpr95": fpr_at_tpr(ids, oods),
        "fpr95_ood_positive": fpr_at_tpr_ood_positive(ids, oods),
        "aupr_in": aupr_in(ids, oods),
        "aupr_out": aupr_out(ids, oods),
        "ap_in": ap_in(ids, oods),
        "ap_out": ap_out(ids, oods),
        "n_id": len(ids),
        "n_ood": len(oods),
    }


@given(scores, scores, st.floats(0.01, 1))
def test_fpr_counts_what_the_threshold_accepts(ids, oods, tpr):
    threshold = acceptance_threshold(np.array(ids), tpr)
    assert np.mean(np.array(ids) >= threshold) >= tpr - 1e-9
    assert fpr_at_tpr(ids, oods, tpr) == np.mean(np.array(oods) >= threshold)


def test_by_hand():
    ids, oods = [4.0, 3.0, 2.0, 1.0], [2.5, 2.0, 0.0, -1.0]
    assert auroc(ids, oods) == (4 + 4 + 2.5 + 2) / 16
    assert fpr_at_tpr(ids, oods, tpr=0.75) == 2 / 4  # t = 2: accepts 2.5 and the tie
    assert fpr_at_tpr(ids, oods) == 2 / 4  # ⌈0.95 · 4⌉ = 4: t = 1
    assert fpr_at_tpr_ood_positive(ids, oods) == 2 / 4  # rejects up to 2.5: 2 and 1
    assert detection_error(ids, oods) == (0 + 2 / 4) / 2  # t = 3, and as good t = 1
    assert ap_in(ids, oods) == pytest.approx((1 + 1 + 3 / 5 + 4 / 6) / 4)


def test_twenty_scores_need_nineteen_not_twenty():
    # In floating point 0.95 · 60 exceeds 57; the threshold is still the 57th largest score.
    assert acceptance_threshold(np.arange(60.0), 0.95) == 3.0
    assert acceptance_threshold(np.arange(20.0), 0.95) == 1.0


@pytest.mark.parametrize(("ids", "oods", "expected"), [([2, 3], [0, 1], 1), ([0, 1], [2, 3], 0)])
def test_separated_sides(ids, oods, expected):
    assert auroc(ids, oods) == expected
    assert fpr_at_tpr(ids, oods) == fpr_at_tpr_ood_positive(ids, oods) == 1 - expected
    assert (aupr_in(ids, oods) == 1) == (expected == 1)
    assert detection_error(ids, oods) == (1 - expected) / 2


def test_a_constant_score_is_chance():
    result = detection_metrics([1.0] * 30, [1.0] * 10)
    assert (result.auroc, result.fpr95, result.fpr95_ood_positive) == (0.5, 1.0, 1.0)
    assert detection_error([1.0] * 30, [1.0] * 10) == 0.5
    assert ap_in([1.0] * 30, [1.0] * 10) == 0.75
    assert result.aupr_in == pytest.approx((1 + 0.75) / 2)  # the trapezoid is kinder


@metrics
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_scores_without_a_rank_are_undefined(metric, bad):
    with pytest.raises(Undefined, match="1 of 2 ID scores are NaN or infinite"):
        metric([1.0, bad], [0.0])
    with pytest.raises(Undefined, match="1 of 3 OOD scores are NaN or infinite"):
        metric([1.0], [0.0, 1.0, bad])


@metrics
def test_an_empty_side_is_undefined(metric):
    with pytest.raises(Undefined, match="no ID scores"):
        metric([], [0.0])
    with pytest.raises(Undefined, match="no OOD scores"):
        metric([0.0], [])


@metrics
def test_scores_that_are_not_a_vector_are_refused(metric):
    with pytest.raises(InputError, match="one-dimensional"):
        metric(np.zeros((3, 2)), np.zeros(3))


@pytest.mark.parametrize("tpr", [0.0, -0.1, 1.1, float("nan")])
def test_a_rate_outside_its_range_is_refused(tpr):
    with pytest.raises(InputError, match="true positive rate"):
        fpr_at_tpr([1.0], [0.0], tpr)


def test_large_scores_do_not_saturate():
    # float32 with a sigmoid, as torchmetrics does it, calls all of these equal.
    assert auroc([-1000.0, -1001.0], [-1002.0, -1003.0]) == 1.0


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
def test_autc_is_the_integral_of_both_rates(ids, oods):
    assume(len({*ids, *oods}) > 1)
    assert autc(ids, oods) == pytest.approx(integrated(np.array(ids), np.array(oods)), abs=1e-12)


def test_autc_by_hand():
    # On [0, 1]: ID 1, ½; OOD 0, ¼, ½.
    assert autc([4.0, 2.0], [0.0, 1.0, 2.0]) == pytest.approx((1 - (3 / 4 - 1 / 4)) / 2)


@pytest.mark.parametrize(
    ("ids", "oods", "expected"),
    [([1, 1], [0, 0, 0], 0), ([0, 0], [1], 1), ([0, 1], [0, 1], 0.5), ([3], [2], 0)],
)
def test_the_ends_and_the_middle_of_autc(ids, oods, expected):
    assert autc(ids, oods) == expected


@given(scores, scores, st.floats(0.01, 100), st.floats(-100, 100))
def test_scale_and_origin_do_not_count_in_autc(ids, oods, scale, origin):
    assume(len({*ids, *oods}) > 1)
    moved = autc(np.array(ids) * scale + origin, np.array(oods) * scale + origin)
    assert moved == pytest.approx(autc(ids, oods), abs=1e-6)


def test_sides_further_apart_have_a_better_autc_at_the_same_auroc():
    assert autc([0.9, 1.0], [0.0, 0.1]) < autc([0.6, 1.0], [0.0, 0.4])


def test_scores_without_a_threshold_curve_are_undefined():
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
