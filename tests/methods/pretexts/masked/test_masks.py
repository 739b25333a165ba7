from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mood_sweeps.methods.pretexts.masked.masks import (
    block_mask,
    complementary_masks,
    patchify,
    random_mask,
    smallest_block,
)

GRIDS = st.tuples(st.integers(2, 37), st.integers(2, 37))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def covered(mask: torch.Tensor, least: float) -> torch.Tensor:
    """Return where a fully hidden rectangle lies that a block of ``least`` patches can be.

    By trying every rectangle: rounding takes up to half a patch off each side, and the ratio of
    the sides before it is from 0.3 to 1/0.3; only a side as long as the grid's may be longer.
    """
    rows, columns = mask.shape
    found = torch.zeros_like(mask)
    for height, width in itertools.product(range(1, rows + 1), range(1, columns + 1)):
        tall, wide = height + 0.5, width + 0.5
        is_cut = height == rows or width == columns
        if not is_cut and tall * wide < least:
            continue
        if not is_cut and not 0.3 <= tall / (width - 0.5) <= 1e9:
            continue
        if not is_cut and wide / (height - 0.5) < 0.3:
            continue
        for top, left in itertools.product(range(rows - height + 1), range(columns - width + 1)):
            place = (slice(top, top + height), slice(left, left + width))
            if mask[place].all():
                found[place] = True
    return found


@settings(max_examples=40, deadline=None)
@given(GRIDS, st.floats(0.1, 0.8), st.integers(0, 2**32))
def test_blocks_hide_at_most_the_ratio_and_something(
    grid: tuple[int, int], ratio: float, seed: int
) -> None:
    patches = grid[0] * grid[1]
    mask = block_mask(3, grid, ratio, seeded(seed))
    assert mask.shape == (3, patches)
    assert mask.dtype == torch.bool
    counts = mask.sum(dim=1)
    assert counts.min() >= 1
    assert counts.max() <= max(1, round(ratio * patches))


@pytest.mark.parametrize("side", [2, 3, 4, 7, 14, 16, 24, 37])
def test_on_average_nearly_the_ratio_is_hidden(side: int) -> None:
    mask = block_mask(100, (side, side), 0.4, seeded())
    wanted = round(0.4 * side**2) / side**2
    assert wanted - 0.02 <= mask.float().mean() <= wanted


@settings(max_examples=25, deadline=None)
@given(st.tuples(st.integers(2, 9), st.integers(2, 9)), st.integers(0, 2**32))
def test_every_hidden_patch_is_in_a_block_that_is_large_enough(
    grid: tuple[int, int], seed: int
) -> None:
    least = smallest_block(grid[0] * grid[1])
    for row in block_mask(2, grid, 0.4, seeded(seed)):
        mask = row.reshape(grid)
        assert torch.equal(covered(mask, least), mask)


@pytest.mark.parametrize(
    ("side", "least"), [(2, 1), (4, 1), (7, 4), (14, 16), (16, 21), (28, 64), (37, 112)]
)
def test_the_smallest_block_is_beits_share_of_the_grid(side: int, least: int) -> None:
    assert smallest_block(side**2) == least


def test_at_beits_grid_a_single_block_has_16_patches_or_more() -> None:
    # What is left of a mask after the first block is too little for a second one.
    masks = block_mask(200, (14, 14), 16 / 196, seeded())
    for row in masks:
        places = row.reshape(14, 14).nonzero()
        sides = (places.max(dim=0).values - places.min(dim=0).values + 1).tolist()
        assert math.prod(sides) == len(places)  # one rectangle
        assert len(places) in (12, 14, 15, 16)  # 16, its sides rounded
        assert max(sides) <= 7


def test_blocks_lie_in_both_directions_and_everywhere() -> None:
    masks = block_mask(2000, (6, 6), 0.4, seeded()).reshape(-1, 6, 6).float()
    share = masks.mean(dim=0)
    assert share.min() > 0.15
    for turned in (share.flip(0), share.flip(1), share.T):
        assert (share - turned).abs().max() < 0.05


def test_equal_generators_give_equal_masks() -> None:
    first, second = (block_mask(5, (14, 14), 0.4, seeded(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, block_mask(5, (14, 14), 0.4, seeded(4)))


@pytest.mark.parametrize(("ratio", "hidden"), [(0.5, 8), (0.4, 6), (0.75, 12), (0.0, 1)])
def test_a_random_mask_hides_the_same_number_of_every_image(ratio: float, hidden: int) -> None:
    mask = random_mask(200, 16, ratio, seeded())
    assert mask.sum(dim=1).unique().tolist() == [hidden]


def test_a_random_mask_hides_every_patch_equally_often() -> None:
    share = random_mask(20_000, 16, 0.25, seeded()).float().mean(dim=0)
    assert (share - 0.25).abs().max() < 0.015


def test_patches_are_cut_row_by_row() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert patchify(image, 2).tolist() == [
        [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    ]


@pytest.mark.parametrize(
    ("patches", "ratio", "masks", "hidden"),
    [
        (16, 0.4, 2, 8),
        (16, 0.5, 2, 8),
        (16, 0.25, 4, 4),
        (16, 0.75, 4, 12),
        (196, 0.75, 4, 147),
        (2, 0.4, 2, 1),
        (4, 0.05, 4, 1),
        (4, 0.99, 4, 3),
    ],
)
def test_complementary_masks_hide_every_patch_equally_often(
    patches: int, ratio: float, masks: int, hidden: int
) -> None:
    found = complementary_masks(patches, ratio, 0)
    assert found.shape == (masks, patches)
    assert found.sum(dim=1).tolist() == [hidden] * masks
    assert found.sum(dim=0).unique().tolist() == [masks * hidden / patches]


def test_parts_of_complementary_masks_differ_by_one_and_are_dealt_by_the_seed() -> None:
    found = complementary_masks(17, 0.3, 0)
    assert sorted(found.sum(dim=1).tolist()) == [5, 6, 6]
    assert torch.equal(found, complementary_masks(17, 0.3, 0))
    assert not torch.equal(found, complementary_masks(17, 0.3, 1))
