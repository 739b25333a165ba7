from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from scipy import stats
from timm.data.mixup import mixup_target

from mood_sweeps.training.augment.mixup_cutmix import mixed

TARGETS = torch.eye(2)


def black_and_white(side: int = 8) -> torch.Tensor:
    return torch.stack([torch.zeros(1, side, side), torch.ones(1, side, side)])


def shares(mixup: float, cutmix: float, count: int, side: int = 8) -> list[tuple[float, bool]]:
    """Return what is left of the black image, batch by batch, and whether it was cut."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(count):
        images, targets = mixed(black_and_white(side), TARGETS, mixup, cutmix, generator)
        black = images[0]
        left = 1 - black.mean().item()
        # The target says what the pixels say, and the second image has what the first lacks.
        assert targets[0, 0].item() == pytest.approx(left, abs=1e-6)
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(2))
        torch.testing.assert_close(images[1], 1 - black)
        found.append((left, set(black.unique().tolist()) <= {0.0, 1.0}))
    return found


def test_mixup_adds_an_image_and_its_mirror_in_the_batch() -> None:
    images = torch.arange(4.0).view(4, 1, 1, 1)
    targets = torch.eye(4)
    result, soft = mixed(images, targets, 0.8, 0.0, torch.Generator().manual_seed(3))
    share = soft[0, 0].item()
    assert 0 < share < 1
    expected = [3 * (1 - share), share + 2 * (1 - share), 2 * share + 1 - share, 3 * share]
    assert result.flatten().tolist() == pytest.approx(expected)
    assert soft[1].tolist() == pytest.approx([0, share, 1 - share, 0])


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.8, 0.0), (0.2, 0.0)])
def test_lambda_of_mixup_is_a_beta_variable(mixup: float, cutmix: float) -> None:
    found = [share for share, _ in shares(mixup, cutmix, 2000, side=1)]
    assert stats.kstest(found, stats.beta(mixup, mixup).cdf).pvalue > 0.01


def test_cutmix_cuts_one_box_whose_area_is_in_the_target() -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        images, targets = mixed(black_and_white(), TARGETS, 0.0, 1.0, generator)
        white = images[0, 0].bool()
        rows, columns = white.any(dim=1).sum(), white.any(dim=0).sum()
        assert white.sum() == rows * columns  # a box, not a scatter
        assert targets[0, 1].item() == pytest.approx((rows * columns).item() / 64)


def test_sides_of_the_box_and_what_the_borders_leave_of_them_by_hand() -> None:
    # λ is all but 1/2 where α is huge: 8 · √(1/2) = 5.66, so 5 pixels a side. Around the middle
    # 0, 1, …, 7 there is room for 3, 4, 5, 5, 5, 5, 4, 3 of them.
    generator = torch.Generator().manual_seed(1)
    heights: list[int] = []
    for _ in range(800):
        images, _targets = mixed(black_and_white(), TARGETS, 0.0, 1e9, generator)
        heights.append(int(images[0, 0].bool().any(dim=1).sum()))
    frequency = np.bincount(heights, minlength=9) / 800
    assert set(heights) == {3, 4, 5}
    assert frequency[3:6].tolist() == pytest.approx([1 / 4, 1 / 4, 1 / 2], abs=0.06)


def test_with_both_each_batch_draws_one() -> None:
    micro_batches = [is_cut for _, is_cut in shares(0.8, 1.0, 400)]
    assert 160 < sum(micro_batches) < 240
    assert not any(is_cut for _, is_cut in shares(0.8, 0.0, 100))


def test_smoothed_loss_is_that_of_timms_targets() -> None:
    images, labels = torch.randn(6, 1, 4, 4), torch.arange(6) % 3
    one_hot = F.one_hot(labels, 3).float()
    _, soft = mixed(images, one_hot, 0.8, 0.0, torch.Generator().manual_seed(5))
    share = soft[0, labels[0]].item()
    theirs = mixup_target(labels, 3, share, smoothing=0.1)
    logits = torch.randn(6, 3)
    torch.testing.assert_close(
        F.cross_entropy(logits, soft, label_smoothing=0.1), F.cross_entropy(logits, theirs)
    )


def test_randomness_comes_from_the_generator_alone() -> None:
    def once(whatever_ran_before: int) -> torch.Tensor:
        torch.manual_seed(whatever_ran_before)
        np.random.seed(whatever_ran_before)
        images = torch.arange(64.0).view(4, 1, 4, 4)
        return mixed(images, torch.eye(4), 0.8, 1.0, torch.Generator().manual_seed(7))[0]

    assert torch.equal(once(1), once(2))


def test_an_odd_batch_mixes_the_middle_image_with_itself() -> None:
    images = torch.arange(3.0).view(3, 1, 1, 1)
    result, soft = mixed(images, torch.eye(3), 0.8, 0.0, torch.Generator().manual_seed(3))
    assert result[1].item() == pytest.approx(1.0)
    assert soft[1].tolist() == pytest.approx([0, 1, 0])
