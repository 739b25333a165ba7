from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from mood_sweeps.training.augment import colours

Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Single = Callable[[torch.Tensor, float], torch.Tensor]
FACTORS = torch.tensor([0.0, 0.6, 1.0, 1.4])
TURNS = torch.tensor([-0.5, -0.1, 0.0, 0.3])


def images(channels: int = 3) -> torch.Tensor:
    some = torch.rand(4, channels, 9, 9, generator=torch.Generator().manual_seed(1))
    some[:, :, 0] = some[:, :1, 0]  # a row without colour
    return some


@pytest.mark.parametrize(
    ("ours", "theirs", "factors"),
    [
        (colours.change_brightness, tv.adjust_brightness, FACTORS),
        (colours.change_contrast, tv.adjust_contrast, FACTORS),
        (colours.change_saturation, tv.adjust_saturation, FACTORS),
        (colours.turn_hue, tv.adjust_hue, TURNS),
    ],
)
def test_each_image_is_changed_by_its_own_factor_as_by_torchvision(
    ours: Change, theirs: Single, factors: torch.Tensor
) -> None:
    changed = ours(images(), factors)
    expected = [theirs(image, f.item()) for image, f in zip(images(), factors, strict=True)]
    torch.testing.assert_close(changed, torch.stack(expected), atol=1e-5, rtol=0)


def test_gray_and_solarised_as_by_torchvision() -> None:
    torch.testing.assert_close(
        colours.to_gray(images()), tv.rgb_to_grayscale(images(), num_output_channels=3)
    )
    torch.testing.assert_close(colours.solarise(images()), tv.solarize(images(), 0.5))


def test_gray_images_have_no_colour_to_change() -> None:
    gray = images(channels=1)
    assert colours.to_gray(gray) is gray
    assert colours.turn_hue(gray, TURNS) is gray
    assert colours.change_saturation(gray, FACTORS) is gray
    expected = [tv.adjust_contrast(i, f.item()) for i, f in zip(gray, FACTORS, strict=True)]
    torch.testing.assert_close(colours.change_contrast(gray, FACTORS), torch.stack(expected))
