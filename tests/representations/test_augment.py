from __future__ import annotations

import torch

from mood_sweeps.representations.augment import random_view


def images() -> torch.Tensor:
    return torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def test_no_change_asked_no_change_made() -> None:
    same = random_view(images(), generator(), scale=(1.0, 1.0), shift=0.0, turn=0.0)
    torch.testing.assert_close(same, images())


def test_a_view_differs_and_keeps_the_range() -> None:
    view = random_view(images(), generator())
    assert view.shape == images().shape
    assert (view - images()).abs().mean() > 0.01
    assert view.min() >= images().min() - 1e-6
    assert view.max() <= images().max() + 1e-6


def test_shift_is_in_image_sides() -> None:
    flat = torch.arange(8.0).expand(4096, 1, 8, 8)
    view = random_view(flat, generator(), scale=(1.0, 1.0), shift=0.25, turn=0.0)
    moved = view[:, 0, 0, 3] - 3
    assert moved.abs().max() <= 2 + 1e-5
    assert moved.abs().max() > 1.9


def test_contrast_keeps_the_mean() -> None:
    view = random_view(images(), generator(), scale=(1.0, 1.0), shift=0.0, turn=0.0, contrast=0.5)
    torch.testing.assert_close(view.mean(dim=(1, 2, 3)), images().mean(dim=(1, 2, 3)))
    assert (view.std(dim=(1, 2, 3)) / images().std(dim=(1, 2, 3)) - 1).abs().max() > 0.3


def test_randomness_comes_from_the_generator_alone() -> None:
    torch.manual_seed(3)
    first = random_view(images(), generator())
    assert torch.equal(first, random_view(images(), generator()))
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))
