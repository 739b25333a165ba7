"""ODIN: confidence at a high temperature, after a step that raises it (Liang et al., 2018)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.gradient.input_step import away_from, per_pixel
from mood_sweeps.scorers.numeric.checked_arrays import features_of, inputs_and_network_of, logits_of
from mood_sweeps.scorers.numeric.image_blocks import by_images, required_logits
from mood_sweeps.scorers.numeric.softmax import largest_probability
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["ODIN", "ODINOpenOOD", "ODINPytorchOOD", "confidence_after"]

Step = Callable[[Floats, Floats], Floats]
"""From ∂ℓ/∂x (n, channels, height, width) and std (channels,) to the step x − x̃."""


@dataclass(frozen=True)
class ODIN(LearnsNothing):
    """s = max_c softmax(f(x̃) / T)_c, x̃ = x − ε · sign(∂ℓ/∂x) / std, ℓ = −log softmax(f(x) / T)_ŷ.

    Liang et al. (2018), equations 1 and 2. x is the normalised input and std the divisor of its
    channels, so that ``epsilon`` is in units of pixels in [0, 1] for every network, as in the
    authors' code. A pixel without gradient does not change (sign 0 = 0). The authors found T = 1000
    and ε = 0.0014 on OOD data for DenseNet and CIFAR-10, and OpenOOD v1.5 uses them; sweep them.
    Cost: two passes through the network forwards and one backwards.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[str, ...]] = ("logits", "network")

    temperature: Annotated[float, Field(gt=0)] = 1000.0
    epsilon: Annotated[float, Field(ge=0)] = 0.0014

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,) in (0, 1], higher = more in-distribution."""
        del state
        return confidence_after(bank, self.temperature, self._step)

    def _step(self, gradient: Floats, std: Floats) -> Floats:
        return per_pixel(self.epsilon * np.sign(gradient), std)


@dataclass(frozen=True)
class ODINOpenOOD(ODIN):
    """As odin, but pixels without gradient change as well: sign 0 = 1.

    The authors' code and OpenOOD v1.5. It differs from `odin` where the network ignores a pixel:
    a step without gradient then changes the scores.
    """

    version: ClassVar[int] = 1

    def _step(self, gradient: Floats, std: Floats) -> Floats:
        return per_pixel(np.where(gradient >= 0, self.epsilon, -self.epsilon), std)


@dataclass(frozen=True)
class ODINPytorchOOD(ODIN):
    """As odin, but not divided by std: x̃ = x − ε · sign(∂ℓ/∂x).

    pytorch-ood 0.4.0 with its defaults, without ``norm_std``: ε is in units of normalised inputs.
    (Version 0.2.0 computed another score: ε = 0.05, no softmax in ℓ, no temperature at the end.)
    """

    version: ClassVar[int] = 1

    def _step(self, gradient: Floats, std: Floats) -> Floats:
        del std
        step: Floats = self.epsilon * np.sign(gradient)
        return step


def confidence_after(bank: FeatureBank, temperature: float, step: Step) -> Scores:
    """Return max_c softmax(f(x − step) / T)_c, float64 (N,).

    Raises what ``features_of``, ``logits_of`` and ``inputs_and_network_of`` raise.
    """
    features_of(bank)
    logits_of(bank)
    _, network = inputs_and_network_of(bank)

    def pull(_: Floats, logits: Floats | None) -> tuple[None, Floats]:
        return None, away_from(required_logits(logits), temperature)

    def block(_: slice, images: Floats) -> Scores:
        gradient = network.input_gradient(images, pull)
        _features, logits = network.forward(images - step(gradient, network.std))
        return largest_probability(required_logits(logits), temperature)

    return by_images(bank, block)
