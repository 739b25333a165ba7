from __future__ import annotations

import random

import numpy as np
import torch
from timm.data.random_erasing import RandomErasing

from mood_sweeps.training.augment.random_erasing import erased, random_rectangles

SIDE = 32
MARK = 100.0


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_one_rectangle_of_noise_of_the_stated_area() -> None:
    images = torch.full((400, 3, SIDE, SIDE), MARK)
    result = erased(images, 1.0, generator())
    assert images.eq(MARK).all()
    gone = result != MARK
    assert (gone == gone[:, :1]).all()  # the same place in every channel
    rows, columns = gone[:, 0].any(dim=2).sum(dim=1), gone[:, 0].any(dim=1).sum(dim=1)
    area = gone[:, 0].sum(dim=(1, 2))
    assert (area == rows * columns).all()
    share = area / SIDE**2
    # Sides are rounded to pixels: by a half of each, so by 2 of the smallest 20 pixels.
    assert share.min() >= 0.015
    assert share.max() <= 1 / 3 + 0.03
    assert (rows / columns).max() <= 1 / 0.3 * 1.35
    noise = result[gone]
    assert abs(noise.mean().item()) < 0.02
    assert abs(noise.std().item() - 1) < 0.02


def test_areas_are_spread_as_timms() -> None:
    ours = random_rectangles(4000, SIDE, SIDE, generator())[:, 2:].prod(dim=1) / SIDE**2
    random.seed(0)
    timms = RandomErasing(1.0, mode="const", device="cpu")
    blank = timms(torch.full((2000, 1, SIDE, SIDE), MARK))
    theirs = (blank != MARK).sum(dim=(1, 2, 3)) / SIDE**2
    quantiles = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(
        np.quantile(ours.numpy(), quantiles), np.quantile(theirs.numpy(), quantiles), atol=0.02
    )


def test_each_image_by_itself_at_the_probability() -> None:
    images = torch.full((2000, 1, 8, 8), MARK)
    result = erased(images, 0.25, generator())
    touched = (result != MARK).flatten(1).any(dim=1)
    assert abs(touched.float().mean().item() - 0.25) < 0.03
    assert torch.equal(erased(images, 0.0, generator()), images)


def test_rectangles_lie_inside() -> None:
    top, left, tall, wide = random_rectangles(5000, 8, 16, generator()).T
    assert (top >= 0).all()
    assert (top + tall).max() == 8
    assert (left + wide).max() == 16
    assert tall.max() < 8
    assert wide.max() < 16


def test_randomness_comes_from_the_generator_alone() -> None:
    images = torch.zeros(8, 1, 8, 8)
    torch.manual_seed(1)
    first = erased(images, 0.5, generator())
    torch.manual_seed(2)
    assert torch.equal(first, erased(images, 0.5, generator()))
    assert not torch.equal(first, erased(images, 0.5, generator(1)))
