"""The evaluation transform, to the bit, beside timm's and torchvision's and Pillow alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from mood_sweeps.data import image_set
from mood_sweeps.data.image_set import Pixels
from mood_sweeps.data.pipeline.input_transforms import to_input

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SIZES = [(1, 1), (31, 77), (77, 31), (64, 64), (301, 200), (199, 333)]


def form(size: int, channels: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "size": size,
        "channels": channels,
        "mean": MEAN[:channels],
        "std": STD[:channels],
    } | more


def images() -> list[Pixels]:
    """Return a gradient with noise at several sizes: every filter gives other pixels."""
    random = np.random.default_rng(0)
    found = []
    for height, width in SIZES:
        ramp = np.linspace(0, 200, height)[:, None, None] + np.linspace(0, 40, width)[:, None]
        noise = random.integers(0, 16, (height, width, 3))
        found.append((ramp + noise).clip(0, 255).astype(np.uint8))
    return found


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(
    ("size", "crop", "mode"), [(32, 0.875, "center"), (33, 0.95, "center"), (48, 1.0, "squash")]
)
def test_pixels_equal_the_evaluation_of_timm(
    interpolation: str, size: int, crop: float, mode: str
) -> None:
    theirs = create_transform(
        (3, size, size),
        is_training=False,
        interpolation=interpolation,
        mean=MEAN,
        std=STD,
        crop_pct=crop,
        crop_mode=mode,
    )
    ours = to_input(
        images(), form(size, interpolation=interpolation, crop=crop, squash=mode == "squash")
    )
    for index, pixels in enumerate(images()):
        expected = theirs(Image.fromarray(pixels))
        assert torch.equal(ours[index], expected), f"{pixels.shape}, {mode}"


def test_pixels_equal_the_evaluation_of_torchvision_and_openood() -> None:
    """OpenOOD: resize to 256, cut 224, with torchvision's parts; here an eighth of that."""
    theirs = transforms.Compose(
        [
            transforms.Resize(32, InterpolationMode.BILINEAR),
            transforms.CenterCrop(28),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    ours = to_input(images(), form(28, crop=28 / 32))
    for index, pixels in enumerate(images()):
        assert torch.equal(ours[index], theirs(Image.fromarray(pixels))), str(pixels.shape)


@pytest.mark.parametrize(("crop", "shorter"), [(1.0, 20), (20 / 17, 17)])
def test_an_image_that_is_resized_below_the_square_is_padded_as_in_torchvision(
    crop: float, shorter: int
) -> None:
    theirs = transforms.Compose([transforms.Resize(shorter), transforms.CenterCrop(20)])
    plain = form(20, crop=crop) | {"mean": [0.0] * 3, "std": [1.0] * 3}
    ours = to_input(images(), plain)
    for index, pixels in enumerate(images()):
        expected = transforms.functional.to_tensor(theirs(Image.fromarray(pixels)))
        assert torch.equal(ours[index], expected), str(pixels.shape)


def test_without_a_crop_an_image_is_squashed() -> None:
    plain = form(16) | {"mean": [0.0] * 3, "std": [1.0] * 3}
    ours = (to_input(images(), plain) * 255).round()
    for index, pixels in enumerate(images()):
        expected = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(ours[index].permute(1, 2, 0).numpy(), expected)


def test_pixels_of_the_right_size_are_only_scaled_and_normalised() -> None:
    digits = image_set("digits:0-5").open("val")
    tensor = to_input(
        digits.read(np.arange(len(digits))), form(8, 1) | {"mean": [0.25], "std": [0.5]}
    )
    assert tensor.dtype == torch.float32
    expected = (digits.images.transpose(0, 3, 1, 2) / 255 - 0.25) / 0.5
    np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-6)


def test_colour_becomes_gray_as_in_pillow() -> None:
    plain = form(32, 1) | {"mean": [0.0], "std": [1.0]}
    ours = (to_input(images(), plain) * 255).round()
    for index, pixels in enumerate(images()):
        gray = Image.fromarray(pixels).convert("L").resize((32, 32), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(ours[index, 0].numpy(), np.asarray(gray))


def test_gray_is_repeated_for_networks_in_colour() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    tensor = to_input(pixels, form(8, 3) | {"mean": [0.5] * 3, "std": [0.5] * 3})
    assert tensor.shape == (1, 3, 8, 8)
    assert torch.equal(tensor[:, 0], tensor[:, 2])
