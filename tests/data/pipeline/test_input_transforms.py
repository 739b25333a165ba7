from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from mood_sweeps.data import LabelledImages, image_set
from mood_sweeps.data.pipeline.input_transforms import to_input


def form(size: int, channels: int, mean: float = 0.0, std: float = 1.0) -> dict[str, object]:
    return {"size": size, "channels": channels, "mean": [mean] * channels, "std": [std] * channels}


def labelled(pixels: np.ndarray) -> LabelledImages:
    return LabelledImages(pixels, np.zeros(len(pixels), dtype=np.int64), ("any",))


def test_pixels_of_the_right_size_are_only_scaled_and_normalised() -> None:
    digits = image_set("digits:0-5").load("val")
    tensor = to_input(digits, form(8, 1, mean=0.25, std=0.5))
    assert tensor.dtype == torch.float32
    expected = (digits.images.transpose(0, 3, 1, 2) / 255 - 0.25) / 0.5
    np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-6)


def test_colour_becomes_gray_as_in_pil() -> None:
    photos = image_set("photos").load("all")
    ours = to_input(photos, form(40, 1))[:, 0].numpy() * 255
    for index in (0, 160, 319):
        pil = np.asarray(Image.fromarray(photos.images[index]).convert("L"))
        assert np.abs(ours[index] - pil).max() <= 1


def test_shrinking_is_antialiased_as_in_pil() -> None:
    shapes = image_set("shapes").load("all")
    ours = to_input(shapes, form(8, 1))[:, 0].numpy() * 255
    for index in (0, 200, 399):
        image = Image.fromarray(shapes.images[index, ..., 0])
        pil = np.asarray(image.resize((8, 8), Image.Resampling.BILINEAR))
        assert np.abs(ours[index] - pil).max() <= 1.5


def test_oblong_images_are_squashed_to_a_square() -> None:
    pixels = np.zeros((1, 8, 16, 1), dtype=np.uint8)
    pixels[:, :, 8:] = 255
    assert to_input(labelled(pixels), form(8, 1))[0, 0, 0].tolist() == pytest.approx(
        [0, 0, 0, 0.125, 0.875, 1, 1, 1]
    )


def test_gray_is_repeated_for_networks_in_colour() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    tensor = to_input(labelled(pixels), form(8, 3))
    assert tensor.shape == (1, 3, 8, 8)
    assert torch.equal(tensor[:, 0], tensor[:, 2])
