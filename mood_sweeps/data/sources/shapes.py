"""Shapes, 16×16: one filled figure on a plain ground; position, size, angle and contrast vary."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.sources.generated import Drawing, Generated

__all__ = ["SHAPES"]

_SIDE = 16
_FINE = 4  # sub-pixels per pixel and direction, for smooth edges

Field = npt.NDArray[np.float64]
Figure = Callable[[Field, Field], npt.NDArray[np.bool_]]


def _disc(y: Field, x: Field) -> npt.NDArray[np.bool_]:
    return np.hypot(y, x) <= 1.0


def _ring(y: Field, x: Field) -> npt.NDArray[np.bool_]:
    return np.abs(np.hypot(y, x) - 0.75) <= 0.25


def _square(y: Field, x: Field) -> npt.NDArray[np.bool_]:
    return np.maximum(np.abs(y), np.abs(x)) <= 0.8


def _triangle(y: Field, x: Field) -> npt.NDArray[np.bool_]:
    return (y <= 0.6) & (y >= 1.9 * np.abs(x) - 1.0)


def _cross(y: Field, x: Field) -> npt.NDArray[np.bool_]:
    near, far = np.minimum(np.abs(y), np.abs(x)), np.maximum(np.abs(y), np.abs(x))
    return (near <= 0.28) & (far <= 1.0)


def _drawn(inside: Figure) -> Drawing:
    """Return the drawing function of a figure given as a predicate on [-1, 1]²."""

    def draw(random: np.random.RandomState) -> Field:
        radius = random.uniform(0.25, 0.45) * _SIDE
        centre = random.uniform(radius, _SIDE - radius, size=2)
        angle = random.uniform(0, 2 * np.pi)
        ground, figure = random.uniform(0.0, 0.3), random.uniform(0.7, 1.0)
        if random.uniform() < 0.5:
            ground, figure = figure, ground
        positions = (np.arange(_SIDE * _FINE) + 0.5) / _FINE
        y = (positions[:, None] - centre[0]) / radius
        x = (positions[None, :] - centre[1]) / radius
        turned = (np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y)
        fine = inside(*turned).reshape(_SIDE, _FINE, _SIDE, _FINE)
        coverage: Field = fine.mean(axis=(1, 3))
        return ground + (figure - ground) * coverage

    return draw


SHAPES = Generated(
    "shapes",
    {
        "disc": _drawn(_disc),
        "ring": _drawn(_ring),
        "square": _drawn(_square),
        "triangle": _drawn(_triangle),
        "cross": _drawn(_cross),
    },
)
"""Discs, rings, squares, triangles and crosses, 80 images each."""
