"""Textures, 16×16: patterns that fill the image, with random scale, direction and contrast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.sources.generated import Generated

__all__ = ["TEXTURES"]

_SIDE = 16

Field = npt.NDArray[np.float64]


def _turned_grid(random: np.random.RandomState) -> tuple[Field, Field]:
    """Return two coordinates of each pixel, in pixels, rotated and shifted at random."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE].astype(np.float64)
    angle = random.uniform(0, np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns + random.uniform(0, _SIDE)
    across = -np.sin(angle) * rows + np.cos(angle) * columns + random.uniform(0, _SIDE)
    return along, across


def _wave(coordinate: Field, period: float) -> Field:
    return 0.5 + 0.5 * np.sin(2 * np.pi * coordinate / period)


def _with_contrast(random: np.random.RandomState, pattern: Field) -> Field:
    dark, bright = random.uniform(0.0, 0.3), random.uniform(0.7, 1.0)
    return dark + (bright - dark) * pattern


def _stripes(random: np.random.RandomState) -> Field:
    along, _ = _turned_grid(random)
    return _with_contrast(random, _wave(along, random.uniform(4, 10)))


def _checks(random: np.random.RandomState) -> Field:
    along, across = _turned_grid(random)
    side = random.uniform(3, 6)
    return _with_contrast(random, (np.floor(along / side) + np.floor(across / side)) % 2)


def _dots(random: np.random.RandomState) -> Field:
    along, across = _turned_grid(random)
    period = random.uniform(5, 9)
    return _with_contrast(random, (_wave(along, period) * _wave(across, period)) ** 2)


def _ripples(random: np.random.RandomState) -> Field:
    rows, columns = np.mgrid[:_SIDE, :_SIDE].astype(np.float64)
    centre = random.uniform(0, _SIDE, size=2)
    distance = np.hypot(rows - centre[0], columns - centre[1])
    return _with_contrast(random, _wave(distance, random.uniform(4, 9)))


def _clouds(random: np.random.RandomState) -> Field:
    """Sum of waves of random direction with amplitude falling as 1/frequency."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / _SIDE
    total = np.zeros((_SIDE, _SIDE))
    for frequency in (1, 2, 3, 4):
        angle, phase = random.uniform(0, 2 * np.pi, size=2)
        turned = np.cos(angle) * rows + np.sin(angle) * columns
        total += np.sin(2 * np.pi * frequency * turned + phase) / frequency
    low, high = total.min(), total.max()
    return _with_contrast(random, (total - low) / (high - low))


TEXTURES = Generated(
    "textures",
    {
        "stripes": _stripes,
        "checks": _checks,
        "dots": _dots,
        "ripples": _ripples,
        "clouds": _clouds,
    },
)
"""Stripes, checks, dots, ripples and clouds, 80 images each."""
