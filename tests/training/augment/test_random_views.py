from __future__ import annotations

from typing import Any

import pytest
import torch

from mood_sweeps.training.augment.parameters import Augmentation, Window
from mood_sweeps.training.augment.random_views import augment, random_view

FORM = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
GRAY = {"mean": [0.5], "std": [0.5]}
EVERYTHING = Augmentation(
    window=Window(), crop_scale=(0.2, 1.0), flip=0.5, jitter=0.8, grayscale=0.2, blur=0.5
)


def images() -> torch.Tensor:
    return torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def coloured(count: int = 64) -> torch.Tensor:
    pixels = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(FORM[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    return (pixels - mean) / std


def changed(how: Augmentation, some: torch.Tensor) -> torch.Tensor:
    """Return which images came back otherwise: bool (N,)."""
    views = augment(some, how, generator(), FORM)
    return ((views - some).abs() > 1e-3).any(dim=3).any(dim=2).any(dim=1)


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


def test_the_window_keeps_its_precision_where_networks_compute_in_less() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        view = random_view(images(), generator())
    assert torch.equal(view, random_view(images(), generator()))


def test_nothing_switched_on_nothing_done_or_drawn() -> None:
    untouched = generator()
    assert torch.equal(augment(images(), Augmentation(), untouched, GRAY), images())
    assert torch.equal(untouched.get_state(), generator().get_state())


def test_a_window_is_a_random_view() -> None:
    how = Augmentation(window=Window(scale=(0.8, 1.0), shift=0.1, turn=0.2, contrast=0.3))
    expected = random_view(
        images(), generator(), scale=(0.8, 1.0), shift=0.1, turn=0.2, contrast=0.3
    )
    assert torch.equal(augment(images(), how, generator(), GRAY), expected)


@pytest.mark.parametrize("size", [4, 8, 12])
def test_views_have_the_size_asked_for_cropped_or_not(size: int) -> None:
    for how in (Augmentation(), Augmentation(crop_scale=(0.3, 0.6)), EVERYTHING):
        views = augment(coloured(), how, generator(), FORM, size)
        assert views.shape == (64, 3, size, size)
        assert views.dtype == torch.float32


@pytest.mark.parametrize("part", ["flip", "jitter", "grayscale", "blur", "solarise"])
def test_a_probability_is_of_each_image(part: str) -> None:
    some = coloured(2000)
    switched: dict[str, Any] = {part: 1.0, "blur_sigma": (0.5, 2.0)}
    assert changed(Augmentation(**switched), some).all()
    assert not changed(Augmentation(**{**switched, part: 0.0}), some).any()
    share = changed(Augmentation(**{**switched, part: 0.3}), some).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.04)


def test_a_flip_swaps_left_and_right() -> None:
    torch.testing.assert_close(
        augment(coloured(), Augmentation(flip=1.0), generator(), FORM), coloured().flip(3)
    )


def test_solarising_is_of_pixels_not_of_normalised_values() -> None:
    bright, dark = torch.full((1, 1, 8, 8), 0.6), torch.full((1, 1, 8, 8), -0.6)  # 0.8 and 0.2
    how = Augmentation(solarise=1.0)
    torch.testing.assert_close(augment(bright, how, generator(), GRAY), dark)
    torch.testing.assert_close(augment(dark, how, generator(), GRAY), dark)


def test_jitter_without_strength_changes_nothing_and_stays_in_its_range() -> None:
    none = Augmentation(jitter=1.0, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    assert not changed(none, coloured()).any()
    # Brightness alone: each image times a factor of 0.6 to 1.4.
    some = torch.full((500, 1, 8, 8), -0.2)  # 0.4
    only = Augmentation(jitter=1.0, brightness=0.4, contrast=0.0)
    pixels = augment(some, only, generator(), GRAY)[:, 0, 0, 0] * 0.5 + 0.5
    assert pixels.min().item() == pytest.approx(0.24, abs=0.01)
    assert pixels.max().item() == pytest.approx(0.56, abs=0.01)


@pytest.mark.parametrize("part", ["brightness", "contrast", "saturation", "hue"])
def test_jitter_makes_every_change_of_every_image(part: str) -> None:
    none = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    assert changed(Augmentation(jitter=1.0, **{**none, part: 0.5}), coloured()).float().mean() > 0.9


def test_everything_comes_from_the_generator_alone_in_full_precision() -> None:
    torch.manual_seed(3)
    first = augment(coloured(), EVERYTHING, generator(), FORM)
    with torch.autocast("cpu", torch.bfloat16):
        again = augment(coloured(), EVERYTHING, generator(), FORM)
    assert torch.equal(first, again)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))
