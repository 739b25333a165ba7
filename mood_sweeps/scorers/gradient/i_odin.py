"""i-ODIN: ODIN that changes only the input element with the largest gradient (Regmi, 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.scorers.gradient.input_step import per_pixel
from mood_sweeps.scorers.gradient.odin import confidence_after
from mood_sweeps.scorers.scorer import LearnsNothing, Scores, State

__all__ = ["IODIN"]


@dataclass(frozen=True)
class IODIN(LearnsNothing):
    """s = max_c softmax(f(x̃) / T)_c, x̃ as in `odin`, but only where |∂ℓ/∂x| is largest.

    Regmi (2025); OpenOOD v1.5, the only tool that has it. One element of the input (one channel of
    one pixel) changes by ε · sign(∂ℓ/∂x) / std; with equal gradients the first.
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
        slopes = gradient.reshape(len(gradient), -1)
        steepest = np.abs(slopes).argmax(axis=1)[:, None]
        step = np.zeros_like(slopes)
        signs = np.sign(np.take_along_axis(slopes, steepest, axis=1))
        np.put_along_axis(step, steepest, self.epsilon * signs, axis=1)
        return per_pixel(step.reshape(gradient.shape), std)
