"""Minkowski distance to the mean of the train features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.scorers.feature.mean_distance import MeanDistance
from mood_sweeps.scorers.scorer import Scores

__all__ = ["Minkowski", "MinkowskiMOODv1"]


@dataclass(frozen=True)
class Minkowski(MeanDistance):
    """s = −(Σ_j |x_j − μ_j|^p)^(1/p), μ the mean of all train features, unnormalised.

    MOODv1 lists p = 1, the sum of magnitudes, under this name; p = 2 is `euclidean` and p → ∞
    `chebyshev`.
    """

    version: ClassVar[int] = 1

    p: Annotated[float, Field(ge=1)] = 1.0

    def norm(self, differences: Scores) -> Scores:
        """Return ‖·‖_p of every row."""
        magnitudes = np.abs(differences)
        if self.p == 1:
            total: Scores = magnitudes.sum(axis=1)
            return total
        # In units of the largest, so that no power overflows or vanishes.
        largest = magnitudes.max(axis=1)
        magnitudes /= np.where(largest == 0, 1, largest)[:, None]
        norms: Scores = largest * (magnitudes**self.p).sum(axis=1) ** (1 / self.p)
        return norms


@dataclass(frozen=True)
class MinkowskiMOODv1(Minkowski):
    """As Minkowski, of features of unit length: s = −‖x̂ − μ‖_p, μ the mean of the train x̂.

    MOODv1 lists it as a metric; its code never ran.
    """

    version: ClassVar[int] = 1
    unit: ClassVar[bool] = True
