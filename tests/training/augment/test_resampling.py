from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from mood_sweeps.training.augment.resampling import blurred, random_boxes, resized


def images(count: int = 5, channels: int = 1, side: int = 24) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)


@pytest.mark.parametrize("size", [5, 24, 40])
@pytest.mark.parametrize(
    ("interpolation", "pils"),
    [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)],
)
def test_each_image_is_resized_from_its_own_box_as_pil_does(
    interpolation: str, pils: Image.Resampling, size: int
) -> None:
    boxes = random_boxes(5, (0.1, 1.0), (0.75, 1.5), generator())
    ours = resized(images(), boxes, size, interpolation)
    for image, box, view in zip(images(), boxes, ours, strict=True):
        top, left, height, width = (24 * box).tolist()
        theirs = Image.fromarray(image[0].numpy()).resize(
            (size, size), pils, box=(left, top, left + width, top + height)
        )
        torch.testing.assert_close(view[0], torch.from_numpy(np.array(theirs)), atol=2e-4, rtol=0)


def test_the_whole_image_at_its_own_size_is_the_image() -> None:
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(5, 4)
    for interpolation in ("bilinear", "bicubic"):
        torch.testing.assert_close(resized(images(), whole, 24, interpolation), images())


def test_boxes_lie_in_the_square_with_areas_and_ratios_as_asked() -> None:
    boxes = random_boxes(20_000, (0.05, 0.4), (3 / 4, 4 / 3), generator())
    top, left, height, width = boxes.T
    area, ratio = height * width, width / height
    assert boxes.min() >= 0
    assert (top + height).max() <= 1 + 1e-6
    assert (left + width).max() <= 1 + 1e-6
    assert area.min() > 0.05 - 1e-6
    assert area.max() < 0.4 + 1e-6
    assert area.mean().item() == pytest.approx(0.225, abs=0.005)  # uniform, and all fit
    assert ratio.log().abs().max() < math.log(4 / 3) + 1e-5
    assert ratio.log().mean().item() == pytest.approx(0.0, abs=0.01)
    assert (top / (1 - height)).mean().item() == pytest.approx(0.5, abs=0.01)


def test_a_box_that_does_not_fit_is_drawn_again_and_in_the_end_the_whole() -> None:
    boxes = random_boxes(2000, (0.9, 1.0), (3 / 4, 4 / 3), generator())
    assert boxes[:, 2:].max() <= 1
    assert (boxes[:, 2] * boxes[:, 3]).min() > 0.9 - 1e-6
    never = random_boxes(10, (1.0, 1.0), (2.0, 3.0), generator())
    assert torch.equal(never, torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(10, 4))


def test_blur_is_torchvisions_away_from_the_border() -> None:
    sigma = torch.tensor([0.3, 0.8, 1.0, 1.5, 2.0])
    ours = blurred(images(channels=3, side=40), sigma)
    for image, each, view in zip(images(channels=3, side=40), sigma, ours, strict=True):
        theirs = tv.gaussian_blur(image, kernel_size=[25, 25], sigma=[each.item()] * 2)
        torch.testing.assert_close(view[:, 12:-12, 12:-12], theirs[:, 12:-12, 12:-12])


def test_blur_keeps_a_flat_image_to_the_border() -> None:
    flat = torch.full((2, 3, 8, 8), 0.7)
    torch.testing.assert_close(blurred(flat, torch.tensor([0.1, 2.0])), flat)
