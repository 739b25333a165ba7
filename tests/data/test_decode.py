"""Every kind of image file has a decided outcome; Pillow and torchvision are the reference."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets.folder import pil_loader

from mood_sweeps.data.decode import MOST_PIXELS, Unreadable, decode, read_image, unreadable

GRAY = np.arange(120, dtype=np.uint8).reshape(10, 12)
RGB = np.random.RandomState(0).randint(0, 256, (10, 12, 3)).astype(np.uint8)
RGBA = np.dstack([RGB, GRAY])


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    outcome = decode(data)
    assert not isinstance(outcome, Unreadable), outcome.reason
    assert outcome.dtype == np.uint8
    assert unreadable(data) == ""
    return outcome


def reason_of(data: bytes) -> str:
    outcome = decode(data)
    assert isinstance(outcome, Unreadable)
    assert unreadable(data) == outcome.reason
    return outcome.reason


def palette() -> Image.Image:
    return Image.fromarray(RGB).quantize(16)


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(RGB), "JPEG", exif=exif)


COLOURED: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(Image.fromarray(RGB), "JPEG"),
    "progressive jpeg": lambda: encoded(Image.fromarray(RGB), "JPEG", progressive=True),
    "cmyk jpeg": lambda: encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG"),
    "jpeg with an EXIF rotation": rotated,
    "png": lambda: encoded(Image.fromarray(RGB), "PNG"),
    "rgba png": lambda: encoded(Image.fromarray(RGBA), "PNG"),
    "palette png": lambda: encoded(palette(), "PNG"),
    "palette png with transparency": lambda: encoded(palette(), "PNG", transparency=3),
    "tiff": lambda: encoded(Image.fromarray(RGB), "TIFF"),
    "cmyk tiff": lambda: encoded(Image.fromarray(RGB).convert("CMYK"), "TIFF"),
    "bmp": lambda: encoded(Image.fromarray(RGB), "BMP"),
    "ppm": lambda: encoded(Image.fromarray(RGB), "PPM"),
    "webp": lambda: encoded(Image.fromarray(RGB), "WEBP"),
    "animated gif": lambda: encoded(
        palette(), "GIF", save_all=True, append_images=[Image.fromarray(255 - RGB).quantize(16)]
    ),
    "animated png": lambda: encoded(
        Image.fromarray(RGB), "PNG", save_all=True, append_images=[Image.fromarray(255 - RGB)]
    ),
}


@pytest.mark.parametrize("kind", COLOURED)
def test_colours_are_those_that_torchvision_reads(kind: str, tmp_path: Path) -> None:
    data = COLOURED[kind]()
    (tmp_path / "image").write_bytes(data)
    pixels = pixels_of(data)
    assert pixels.shape == (10, 12, 3)
    np.testing.assert_array_equal(pixels, np.asarray(pil_loader(tmp_path / "image")))


def test_what_is_lossless_comes_back_bit_for_bit() -> None:
    for form in ("PNG", "TIFF", "BMP", "PPM"):
        np.testing.assert_array_equal(pixels_of(encoded(Image.fromarray(RGB), form)), RGB)


def test_gray_images_keep_one_channel() -> None:
    for form in ("PNG", "TIFF", "PPM", "BMP"):
        pixels = pixels_of(encoded(Image.fromarray(GRAY), form))
        np.testing.assert_array_equal(pixels, GRAY[:, :, None])
    data = encoded(Image.fromarray(GRAY), "JPEG")
    np.testing.assert_array_equal(
        pixels_of(data)[:, :, 0], np.asarray(Image.open(io.BytesIO(data)))
    )
    with_alpha = encoded(Image.fromarray(np.dstack([GRAY, 255 - GRAY])), "PNG")
    np.testing.assert_array_equal(pixels_of(with_alpha), GRAY[:, :, None])
    black_and_white = encoded(Image.fromarray(GRAY > 50), "PNG")
    np.testing.assert_array_equal(pixels_of(black_and_white)[:, :, 0], 255 * (GRAY > 50))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_16_bits_of_gray_are_scaled_not_cut_off(form: str) -> None:
    every = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    pixels = pixels_of(encoded(Image.fromarray(every), form))
    np.testing.assert_array_equal(pixels[:, :, 0], np.rint(every * (255 / 65_535)))


def test_numbers_without_a_known_range_are_refused() -> None:
    assert "range" in reason_of(encoded(Image.fromarray(GRAY / 7), "TIFF"))
    wide = Image.fromarray(np.array([[0, 70_000]], dtype=np.int32))
    assert "more than 16 bits" in reason_of(encoded(wide, "TIFF"))


def test_every_truncation_is_refused() -> None:
    for form in ("JPEG", "PNG", "BMP", "TIFF"):
        data = encoded(Image.fromarray(RGB), form)
        assert pixels_of(data).shape == (10, 12, 3)
        for length in {0, 1, 7, 30, len(data) // 2, len(data) - 30}:
            assert reason_of(data[:length])


def test_other_bytes_are_refused() -> None:
    assert reason_of(b"") == "the file is empty"
    assert "JPEG" in reason_of(b"this is a text\n" * 100)
    assert "JPEG" in reason_of(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    flipped = bytearray(encoded(Image.fromarray(RGB), "PNG"))
    flipped[60] ^= 0xFF
    assert "decoded" in reason_of(bytes(flipped))


def test_damaged_bytes_never_raise() -> None:
    random = np.random.RandomState(1)
    for form in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM"):
        data = encoded(Image.fromarray(RGB), form)
        for _ in range(25):
            damaged = bytearray(data)
            for place in random.randint(0, len(data), 4):
                damaged[place] = random.randint(256)
            outcome = decode(bytes(damaged))
            assert (unreadable(bytes(damaged)) == "") == (not isinstance(outcome, Unreadable))


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    side = int(MOST_PIXELS**0.5) + 1
    for width in (side, 2**30):
        header = struct.pack(">IIBBBBB", width, side, 8, 2, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
        assert "pixels" in reason_of(b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b""))


def test_a_file_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    assert read_image(tmp_path / "no.png") == Unreadable("No such file or directory")
    assert read_image(tmp_path) == Unreadable("Is a directory")
