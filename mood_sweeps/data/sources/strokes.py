"""Strokes, 16×16: one figure of lines on a dark ground, like handwriting; six labelled classes.

An intermediate set for small gray images, as ImageNet-22k is for photographs. Position, size,
slant, width and brightness vary.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.sources.generated import Drawing, Generated

__all__ = ["STROKES"]

_SIDE = 16
_FINE = 3  # sub-pixels per pixel and direction, for smooth edges

Field = npt.NDArray[np.float64]
Line = list[tuple[float, float]]
"""Corners (down, right) of a line, within [-1, 1]²."""

_ANGLE: list[Line] = [[(-1, -0.6), (1, -0.6), (1, 0.7)]]
_TEE: list[Line] = [[(-0.9, -0.8), (-0.9, 0.8)], [(-0.9, 0), (1, 0)]]
_ZIGZAG: list[Line] = [[(-0.9, -0.7), (-0.9, 0.7), (0.9, -0.7), (0.9, 0.7)]]
_FORK: list[Line] = [[(-1, -0.7), (0, 0), (-1, 0.7)], [(0, 0), (1, 0)]]
_BOW: list[Line] = [[(-np.cos(a), -np.sin(a)) for a in np.linspace(-0.6, np.pi + 0.6, 13)]]
_WAVE: list[Line] = [[(y, 0.7 * np.sin(np.pi * y)) for y in np.linspace(-1, 1, 13)]]


def _written(lines: list[Line]) -> Drawing:
    """Return the drawing function of a figure of lines."""
    starts = np.array([start for line in lines for start in line[:-1]])
    ends = np.array([end for line in lines for end in line[1:]])
    steps = ends - starts

    def draw(random: np.random.RandomState) -> Field:
        radius = random.uniform(0.25, 0.42) * _SIDE
        centre = random.uniform(1.1 * radius, _SIDE - 1.1 * radius, size=2)
        angle, width = random.uniform(-0.4, 0.4), random.uniform(0.14, 0.26)
        ground, ink = random.uniform(0.0, 0.15), random.uniform(0.7, 1.0)
        positions = (np.arange(_SIDE * _FINE) + 0.5) / _FINE
        y, x = np.meshgrid(*((positions - middle) / radius for middle in centre), indexing="ij")
        turned = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
        from_start = np.stack(turned, axis=-1)[..., None, :] - starts
        along = ((from_start * steps).sum(axis=-1) / (steps**2).sum(axis=-1)).clip(0, 1)
        distance = np.linalg.norm(from_start - along[..., None] * steps, axis=-1).min(axis=-1)
        fine = (distance <= width).reshape(_SIDE, _FINE, _SIDE, _FINE)
        coverage: Field = fine.mean(axis=(1, 3))
        return ground + (ink - ground) * coverage

    return draw


STROKES = Generated(
    "strokes",
    {
        "angle": _written(_ANGLE),
        "tee": _written(_TEE),
        "zigzag": _written(_ZIGZAG),
        "fork": _written(_FORK),
        "bow": _written(_BOW),
        "wave": _written(_WAVE),
    },
    parts={"train": 160, "val": 20, "test": 20},
)
"""Angles, tees, zigzags, forks, bows and waves: 960 train, 120 val and 120 test images."""
