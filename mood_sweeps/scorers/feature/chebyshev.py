"""Chebyshev distance to the mean of the train features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.scorers.feature.mean_distance import MeanDistance
from mood_sweeps.scorers.scorer import Scores

__all__ = ["Chebyshev", "ChebyshevMOODv1"]


@dataclass(frozen=True)
class Chebyshev(MeanDistance):
    """s = −max_j |x_j − μ_j|, μ the mean of all train features, without normalisation."""

    version: ClassVar[int] = 1

    def norm(self, differences: Scores) -> Scores:
        """Return ‖·‖_∞ of every row."""
        largest: Scores = np.abs(differences).max(axis=1)
        return largest


@dataclass(frozen=True)
class ChebyshevMOODv1(Chebyshev):
    """As Chebyshev, of features of unit length: s = −max_j |x̂_j − μ_j|, μ the mean of the train x̂.

    MOODv1 lists it as a metric; its code never ran.
    """

    version: ClassVar[int] = 1
    unit: ClassVar[bool] = True
