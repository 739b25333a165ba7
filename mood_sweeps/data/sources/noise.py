"""Noise images, 8×8: the smallest input size, since shrinking averages noise to plain gray."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.sources.generated import Generated

__all__ = ["GAUSSIAN", "UNIFORM"]

_SIDE = 8


def _gaussian(random: np.random.RandomState) -> npt.NDArray[np.float64]:
    return random.normal(loc=0.5, scale=0.25, size=(_SIDE, _SIDE))


def _uniform(random: np.random.RandomState) -> npt.NDArray[np.float64]:
    return random.uniform(size=(_SIDE, _SIDE))


GAUSSIAN = Generated("gaussian", {"gaussian": _gaussian})
"""Independent pixels, mean 1/2, standard deviation 1/4, clipped to [0, 1]."""

UNIFORM = Generated("uniform", {"uniform": _uniform})
"""Independent pixels, uniform on [0, 1]."""
