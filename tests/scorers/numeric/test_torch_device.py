"""What a device of torch keeps, lets go and leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mood_sweeps.bank import FeatureBank
from mood_sweeps.scorers.numeric.array_device import computing_on
from mood_sweeps.scorers.numeric.bank_statistics import pooled_statistics
from mood_sweeps.scorers.numeric.neighbour_keys import indices_of, similarities_of
from mood_sweeps.scorers.numeric.rows import BLOCK
from tests.support.torch_devices import DEVICES, Watched

ROWS, WIDTH = 3 * BLOCK, 6
FEATURES = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)


def sent_for(array, there):
    """Take the halves of an array twice; return the bytes of all that was sent."""
    there.taken.clear()
    half = len(array) // 2
    for part in (slice(half), slice(half, None)) * 2:
        np.testing.assert_array_equal(there.fetch(there.send_part(array, part)), array[part])
    return sum(there.taken)


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_asked_for_again_is_sent_once_as_far_as_there_is_room(device):
    first, second = FEATURES.copy(), FEATURES.copy()
    there = Watched(device, keep=int(1.5 * FEATURES.nbytes))
    with computing_on(there):
        assert sent_for(first, there) == first.nbytes
        assert sent_for(second, there) == 2 * second.nbytes
        assert sent_for(first, there) == 0
        del first
        assert sent_for(second, there) == second.nbytes
        assert sent_for(second, there) == 0
    with computing_on(there):
        third = FEATURES.copy()
        assert sent_for(third, there) == third.nbytes


@pytest.mark.parametrize("device", DEVICES)
def test_a_bank_for_which_there_is_no_room_goes_through_block_by_block_to_the_same_bits(device):
    def scatter(keep):
        there = Watched(device, keep)
        with computing_on(there):
            found = pooled_statistics(FeatureBank(FEATURES, np.zeros(0, int))).scatter
        return found, max(there.taken)

    kept, all_at_once = scatter(2**32)
    streamed, most = scatter(0)
    assert all_at_once == FEATURES.nbytes
    assert most < FEATURES.nbytes
    np.testing.assert_array_equal(streamed, kept)


def test_float32_is_float32_and_torch_is_left_as_it_was():
    def settings():
        return torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()

    torch.set_float32_matmul_precision("high")
    try:
        with computing_on(Watched()):
            assert settings() == ("highest", True)
        assert settings() == ("high", False)
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.filterwarnings("error")
def test_takes_what_may_not_be_written_and_gives_what_may():
    locked = FEATURES.copy()
    locked.flags.writeable = False
    there = Watched()
    taken = there.send(locked)
    taken += 1
    given = there.fetch(taken.T)
    assert given.flags.c_contiguous
    given += 1
    np.testing.assert_array_equal(locked, FEATURES)


def test_squares_of_float32_are_added_in_float64():
    there = Watched()
    values = np.array([[1e7, 1.0], [3.0, 4.0]], dtype=np.float32)
    squares = there.fetch(there.row_squares(there.send(values)))
    assert squares.tolist() == [1e14 + 1, 25.0]


@pytest.mark.parametrize("device", DEVICES)
def test_zeros_of_both_signs_are_equally_near(device):
    there = Watched(device)
    best = there.no_neighbours(1, 3)
    zeros = np.array([[-0.0, 0.0, -1.0, -0.0]], dtype=np.float32)
    there.merge(best, there.send(zeros), 5)
    keys = np.sort(there.neighbours(best))[0, ::-1]
    assert indices_of(keys).tolist() == [5, 6, 8]
    assert similarities_of(keys).tolist() == [0, 0, 0]
