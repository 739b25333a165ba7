from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import accepted_confusion, auroc, ccr_at_fpr, fpr_at_tpr, oscr

score = st.integers(-5, 5).map(float)
ids_and_right = st.lists(st.tuples(score, st.booleans()), min_size=1, max_size=40)
ood_scores = st.lists(score, min_size=1, max_size=40)


def sides(ids_and_right):
    """ID scores, predictions and labels; the prediction is the label where it is right."""
    ids, right = map(np.array, zip(*ids_and_right, strict=True))
    labels = np.arange(len(ids)) % 3
    return ids, np.where(right, labels, labels + 1), labels


def curve(ids, oods, predictions, labels):
    """(FPR, CCR) by falling threshold, counted anew at each."""
    points = [(0.0, 0.0)]
    for threshold in sorted({*ids, *oods}, reverse=True):
        accepted = np.asarray(ids) >= threshold
        ccr = np.mean(accepted & (predictions == labels))
        points.append((np.mean(np.asarray(oods) >= threshold), ccr))
    return np.array(points).T


@given(ids_and_right, ood_scores)
def test_oscr_is_the_trapezoid_under_the_curve(pairs, oods):
    ids, predictions, labels = sides(pairs)
    fpr, ccr = curve(ids, oods, predictions, labels)
    area = np.trapezoid(ccr, fpr)
    assert oscr(ids, oods, predictions, labels) == pytest.approx(area, abs=1e-12)


@given(ids_and_right, ood_scores, st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0]))
def test_ccr_is_the_best_the_curve_has_within_the_rate(pairs, oods, rate):
    ids, predictions, labels = sides(pairs)
    fpr, ccr = curve(ids, oods, predictions, labels)
    assert ccr_at_fpr(ids, oods, predictions, labels, rate) == ccr[fpr <= rate + 1e-12].max()


@given(ids_and_right, ood_scores)
def test_they_end_at_the_accuracy(pairs, oods):
    ids, predictions, labels = sides(pairs)
    accuracy = np.mean(predictions == labels)
    assert ccr_at_fpr(ids, oods, predictions, labels, 1.0) == accuracy
    assert 0 <= oscr(ids, oods, predictions, labels) <= accuracy
    best = oscr(ids + 100, oods, predictions, labels)
    assert best == accuracy == ccr_at_fpr(ids + 100, oods, predictions, labels, 0.0)


@given(st.lists(score, min_size=1, max_size=40), ood_scores)
def test_where_every_prediction_is_right_oscr_is_auroc(ids, oods):
    labels = np.zeros(len(ids), int)
    assert oscr(ids, oods, labels, labels) == auroc(ids, oods)


def test_by_hand():
    ids, right = [5.0, 4.0, 3.0, 1.0], np.array([1, 0, 1, 1])
    oods, labels = [4.5, 3.0, 0.0, -1.0], np.ones(4, int)
    # Of the three right ones 5 beats four, 3 two and ties one, 1 two.
    assert oscr(ids, oods, right, labels) == (4 + 2.5 + 2) / 16
    assert ccr_at_fpr(ids, oods, right, labels, 0.0) == 1 / 4  # above 4.5: 5
    assert ccr_at_fpr(ids, oods, right, labels, 0.25) == 1 / 4  # above 3, not with it: 5
    assert ccr_at_fpr(ids, oods, right, labels, 0.5) == 3 / 4  # above 0: 5, 3, 1
    assert ccr_at_fpr(ids, oods, right, labels, 0.49) == 1 / 4


def test_a_constant_score_gives_half_the_accuracy():
    predictions, labels = np.array([0, 1, 1, 1]), np.array([0, 1, 0, 0])
    assert oscr(np.ones(4), np.ones(3), predictions, labels) == 0.25
    assert ccr_at_fpr(np.ones(4), np.ones(3), predictions, labels, 0.9) == 0


def test_no_right_prediction_is_zero():
    assert oscr([1.0, 2.0], [0.0], np.array([0, 0]), np.array([1, 1])) == 0


def test_seven_of_a_hundred_are_seven():
    # In floating point 0.29 · 100 falls short of 29.
    ids, labels = np.arange(100.0) - 0.5, np.zeros(100, int)
    assert ccr_at_fpr(ids, np.arange(100.0), labels, labels, 0.29) == 0.29


@pytest.mark.parametrize("metric", [oscr, ccr_at_fpr])
def test_bad_input_is_refused(metric):
    two, three = np.zeros(2, int), np.zeros(3, int)
    with pytest.raises(InputError, match=r"\(3,\) predictions and \(2,\) labels"):
        metric([1.0, 2.0], [0.0], three, two)
    with pytest.raises(InputError, match=r"\(3,\) labels"):
        metric([1.0, 2.0], [0.0], two, three)
    with pytest.raises(Undefined, match="no ID scores"):
        metric([], [0.0], two[:0], two[:0])
    with pytest.raises(Undefined, match="no OOD scores"):
        metric([1.0, 2.0], [], two, two)
    with pytest.raises(Undefined, match="NaN"):
        metric([1.0, float("nan")], [0.0], two, two)
    with pytest.raises(Undefined, match="NaN"):
        metric([1.0, 2.0], [float("inf")], two, two)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(InputError, match="false positive rate"):
        ccr_at_fpr([1.0], [0.0], np.zeros(1, int), np.zeros(1, int), rate)


def test_the_confusion_by_hand():
    # The 19th largest of twenty ID scores is 1: images scored 1 or more are accepted.
    counts = accepted_confusion(
        np.arange(20.0),
        ood_scores=np.array([5.0, 1.0, 0.9, 7.0, 8.0]),
        ood_labels=np.array([0, 0, 0, 2, 2]),
        ood_predictions=np.array([1, 1, 1, 0, 3]),
        n_ood_classes=3,
        n_id_classes=4,
    )
    assert counts.dtype == np.int64
    assert counts.tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=40
    ),
)
def test_confusions_add_up_to_the_accepted_images(ids, images):
    oods, labels, predictions = map(np.array, zip(*images, strict=True))
    counts = accepted_confusion(np.array(ids), oods, labels, predictions, 3, 4)
    assert counts.sum() / len(oods) == pytest.approx(fpr_at_tpr(ids, oods))
    assert (counts.sum(axis=1) <= np.bincount(labels, minlength=3)).all()


@pytest.mark.parametrize(
    ("labels", "predictions", "named"),
    [
        ([0, 3], [0, 0], "OOD labels must be in 0..2"),
        ([0, -1], [0, 0], "OOD labels must be in 0..2"),
        ([0, 1], [0, 4], "predictions must be in 0..3"),
        ([0], [0, 0], "one per OOD score"),
    ],
)
def test_classes_outside_their_range_are_refused(labels, predictions, named):
    with pytest.raises(InputError, match=named):
        accepted_confusion(np.ones(3), np.ones(2), np.array(labels), np.array(predictions), 3, 4)


def test_scores_without_a_rank_are_undefined():
    none = np.zeros(1, int)
    with pytest.raises(Undefined, match="NaN"):
        accepted_confusion(np.array([np.nan]), np.ones(1), none, none, 1, 1)
    with pytest.raises(Undefined, match="no OOD scores"):
        accepted_confusion(np.ones(1), np.ones(0), none[:0], none[:0], 1, 1)
