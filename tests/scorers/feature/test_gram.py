from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import InputError
from mood_sweeps.scorers.feature.gram import Gram, row_sums
from tests.support.scorer_cases import live, make_case, score

# Two classes by the sign of the first pixel. Channel j of the first block's map is (2 x_j, 0), so
# that g of order 1 is 4 x_i Σ x_j; the second block's is four times that.
HEAD = Head(np.array([[9.0, 0], [-9.0, 0]], np.float32), np.zeros(2, np.float32))


def banked(pixels, head=HEAD):
    x = np.array(pixels, np.float32)
    return live(FeatureBank(x, np.zeros(0, int), x @ head.weight.T + head.bias), head)


def test_row_sums_by_hand():
    # F Fᵀ = [[5, 11], [11, 25]]; of squares [[17, 73], [73, 337]]; the row sums of both have roots.
    maps = np.array([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    np.testing.assert_allclose(row_sums(maps, 2), [[[16, 36], np.sqrt([90, 410])]])


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float32, (2, 3, 2, 2), elements=st.floats(-5, 5, width=32).map(lambda v: round(v, 2)))
)
def test_row_sums_are_those_of_gram_matrices(maps):
    found = row_sums(maps, 4)
    flat = maps.reshape(2, 3, 4).astype(np.float64)
    for order in range(1, 5):
        rows = (flat**order @ (flat**order).transpose(0, 2, 1)).sum(axis=2)
        # Roots magnify the rounding of sums that cancel: their powers are compared.
        np.testing.assert_allclose(
            np.sign(found[:, order - 1]) * np.abs(found[:, order - 1]) ** order,
            rows,
            rtol=1e-9,
            atol=1e-10 * max(1.0, np.abs(flat).max() ** (2 * order)),
        )


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e30, 1e140])
def test_no_power_overflows_or_vanishes(scale):
    maps = np.random.default_rng(0).normal(size=(3, 4, 2, 2))
    np.testing.assert_allclose(
        row_sums(scale * maps, 10) / scale / scale, row_sums(maps, 10), rtol=1e-9
    )


def test_by_hand():
    # Class 0 has seen g = 4 x_i (x₀ + x₁) of (1, 1) and (2, 2): 8 to 32 in either channel.
    # Class 1 of (−1, 1) and (−1, 3): 0 to −8 for the first channel, 0 to 24 for the second.
    train = banked([[1, 1], [2, 2], [-1, 1], [-1, 3]])
    test = banked([[1.5, 1.5], [4, 4], [0.5, 0.5], [-1, 2], [-1, 5]])
    scores = score(Gram(powers=1, share=0.0), train, test)
    # Of (4, 4): (128 − 32) / 32 for two channels and two blocks; of (0.5, 0.5): (8 − 2) / 8.
    # Of (−1, 5): −16 is below −8 by as much, 80 above 24 by 56.
    expected = [0, 4 * 96 / 32, 4 * 6 / 8, 0, 2 * (1 + 56 / 24)]
    sure = 1 / (1 + np.exp(-2 * 9 * np.abs(test.features[:, 0].astype(float))))
    np.testing.assert_allclose(scores, -np.array(expected) / sure, rtol=1e-6, atol=1e-9)


def test_a_class_predicted_for_no_train_image_has_the_bounds_of_all():
    train = banked([[1, 1], [2, 2]])
    test = banked([[-1, 1.5], [-1, 4]])
    state = Gram(powers=1, share=0.0).fit(train, None)
    np.testing.assert_array_equal(state["minima_0"][1], state["minima_0"][0])
    # g = (−2, 3) and (−12, 48), outside 8 to 32 by (10, 5) and (20, 16).
    scores = Gram(powers=1, share=0.0).score(state, test)
    expected = 2 * np.array([15 / 8, 20 / 8 + 16 / 32])
    np.testing.assert_allclose(scores, -expected, rtol=1e-5)


def test_train_images_deviate_only_where_they_were_held_out(case):
    scores = score(Gram(share=0.1), case.train, case.train)
    assert (scores <= 0).all()
    assert np.count_nonzero(scores) <= 30
    assert not np.count_nonzero(score(Gram(share=0.0), case.train, case.train))


def test_blocks_weigh_by_what_held_out_images_deviate(case):
    expected = Gram().fit(case.train, None)["expected"]
    # The second block is twice the first, and deviations are relative.
    np.testing.assert_allclose(expected[1], expected[0], rtol=1e-5)
    assert expected[0] > 0
    other = Gram(seed=1).fit(case.train, None)["expected"]
    assert other[0] != expected[0]
    none = Gram(share=0.0).fit(case.train, None)["expected"]
    np.testing.assert_array_equal(none, [1, 1])


def test_a_network_of_other_widths_is_refused():
    state = Gram().fit(make_case().train, None)
    other = make_case(d=9)
    with pytest.raises(InputError, match=r"\[9, 9\] cannot .* learnt on \[16, 16\]"):
        Gram().score(state, other.test)
    shallow = {name: array for name, array in state.items() if not name.endswith("_1")}
    with pytest.raises(InputError, match=r"\[16, 16\] cannot .* learnt on \[16\]"):
        Gram().score(shallow, make_case().test)


def test_labels_are_not_looked_at(case):
    shuffled = dataclasses.replace(case.train, labels=np.zeros_like(case.train.labels))
    np.testing.assert_array_equal(
        score(Gram(), shuffled, case.test), score(Gram(), case.train, case.test)
    )
