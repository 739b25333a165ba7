from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mood_sweeps.errors import InputError, Undefined
from mood_sweeps.metrics import accepted_confusion, fpr_at_tpr


def test_by_hand():
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
def test_the_cells_add_up_to_the_accepted_images(ids, images):
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
