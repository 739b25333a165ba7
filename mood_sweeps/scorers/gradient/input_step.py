"""Small steps of the input along the sign of a gradient, equal for all pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats
from mood_sweeps.scorers.numeric.softmax import log_softmax

__all__ = ["away_from", "of_unit_magnitude", "per_pixel"]

Float64s = npt.NDArray[np.float64]


def per_pixel(step: Floats, std: Floats) -> Floats:
    """Convert a step from units of pixels in [0, 1] to units of normalised inputs.

    step: (n, channels, height, width). std: (channels,), the divisor of the normalisation.
    """
    normalised: Floats = step / std[:, None, None]
    return normalised


def away_from(logits: Floats, temperature: float) -> Float64s:
    """Return the direction of ∂ℓ/∂z, float64 (n, C), for ℓ = −log softmax(z / T)_ŷ, ŷ = argmax z.

    ∂ℓ/∂z = (1 − p_ŷ)/T · (q − e_ŷ) with q the softmax of the other classes alone. Only q − e_ŷ is
    returned: the positive factor changes no sign, and rounds to 0 where p_ŷ rounds to 1. Zero for
    a single class.
    """
    predicted = logits.argmax(axis=1)[:, None]
    direction = np.zeros(logits.shape)
    if logits.shape[1] > 1:
        others = logits / np.float64(temperature)
        np.put_along_axis(others, predicted, -np.inf, axis=1)
        direction = np.exp(log_softmax(others))
        np.put_along_axis(direction, predicted, -1.0, axis=1)
    return direction


def of_unit_magnitude(derivative: Float64s) -> Float64s:
    """Return every row divided by its largest magnitude, to fit float32; zero rows stay zero."""
    largest = np.abs(derivative).max(axis=1, keepdims=True)
    scaled: Float64s = derivative / np.where(largest == 0, 1, largest)
    return scaled
