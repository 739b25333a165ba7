"""Image files as uint8 arrays, read as torchvision's ImageFolder and OpenOOD read them.

As there, the first frame of an animated image is read, transparency is ignored (the colours that
are stored under it show), CMYK is converted by Pillow without a profile, and an EXIF rotation is
not applied. Unlike there, gray images keep one channel, and 16 bits of gray are scaled to 8 instead
of being cut off at 255. What cannot be read is a value that says why, never an exception.
"""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from mood_sweeps.data.image_set import Pixels
from mood_sweeps.errors import plain

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "DECODE_VERSION",
    "MOST_BYTES",
    "MOST_PIXELS",
    "Unreadable",
    "decode",
    "read_image",
    "unreadable",
]

DECODE_VERSION = 1
"""Raised when the same bytes give other pixels, or are refused where they were not."""

FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
"""Of Pillow's formats; others, such as EPS, start programs or are no photographs."""

MOST_PIXELS = 2**27
"""A larger image is refused: a file of a few kilobytes can ask for all memory there is."""

MOST_BYTES = 2**30
"""A larger file is refused."""

_GRAY = ("L", "1", "LA", "La")
_GRAY_16 = ("I;16", "I;16L", "I;16B", "I;16N", "I")


@dataclass(frozen=True)
class Unreadable:
    """Why bytes are no image that can be used, as the end of a sentence about the file."""

    reason: str


def decode(data: bytes) -> Pixels | Unreadable:
    """Return the pixels of an image file: uint8 (H, W, 1) if it is gray, else (H, W, 3) RGB.

    16-bit gray v becomes v × 255 / 65535, rounded. Colours of 16 bits are cut to 8 by Pillow.
    """
    found = _open(data)
    if isinstance(found, Unreadable):
        return found
    try:
        return _pixels(found)
    except Exception as error:
        return _why(error)


def unreadable(data: bytes) -> str:
    """Return why `decode` would fail, or an empty text; three times as fast where it is JPEG."""
    found = _open(data)
    if isinstance(found, Unreadable):
        return found.reason
    try:
        if found.format == "JPEG":
            found.draft(None, (1, 1))  # an eighth of the size, from all of the bytes
            found.load()
        else:
            outcome = _pixels(found)
            return outcome.reason if isinstance(outcome, Unreadable) else ""
    except Exception as error:
        return _why(error).reason
    return ""


def read_image(path: Path) -> Pixels | Unreadable:
    """Return the pixels of the image in a file."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Unreadable(error.strerror or str(error))
    return decode(data)


@functools.cache
def _pillow() -> ModuleType:
    from PIL import Image  # late: planning that finds all digests kept needs no decoder

    # Pillow warns from 89 million pixels on; this file refuses from MOST_PIXELS on.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    return Image


def _open(data: bytes) -> Image | Unreadable:
    """Return an image of which only the header was read."""
    pillow = _pillow()
    if not data:
        return Unreadable("the file is empty")
    if len(data) > MOST_BYTES:
        return Unreadable(f"the file has more than {MOST_BYTES:,} bytes")
    try:
        image: Image = pillow.open(io.BytesIO(data), formats=FORMATS)
    except pillow.UnidentifiedImageError:
        return Unreadable(f"it is none of {', '.join(FORMATS)}")
    except Exception as error:  # Pillow's readers raise of everything for hostile bytes
        return _why(error)
    if image.width * image.height > MOST_PIXELS:
        size = f"{image.width:,} × {image.height:,}"
        return Unreadable(f"{size} pixels are more than {MOST_PIXELS:,}")
    return image


def _pixels(image: Image) -> Pixels | Unreadable:
    if image.mode in _GRAY_16:
        return _eight_bits(np.asarray(image))
    if image.mode == "F":
        return Unreadable("its pixels are floating-point numbers, which have no known range")
    mode = "L" if image.mode in _GRAY else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[:, :, None] if mode == "L" else pixels


def _eight_bits(gray: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Pixels | Unreadable:
    wide = gray.astype(np.int64)
    if wide.min() < 0 or wide.max() > 65_535:
        return Unreadable("its gray values have more than 16 bits")
    return ((wide * 255 + 32_767) // 65_535).astype(np.uint8)[:, :, None]


def _why(error: Exception) -> Unreadable:
    message = plain(" ".join(str(error).split()))[:200]
    return Unreadable(f"it cannot be decoded: {message or type(error).__name__}")
