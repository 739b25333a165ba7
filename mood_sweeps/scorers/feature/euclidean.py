"""Euclidean distance to the mean of the train features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.scorers.feature.mean_distance import MeanDistance
from mood_sweeps.scorers.numeric.rows import row_products
from mood_sweeps.scorers.scorer import Scores

__all__ = ["Euclidean", "EuclideanMOODv1"]


@dataclass(frozen=True)
class Euclidean(MeanDistance):
    """s = −‖x − μ‖₂, μ the mean of all train features, without normalisation."""

    version: ClassVar[int] = 1

    def norm(self, differences: Scores) -> Scores:
        """Return ‖·‖₂ of every row."""
        return np.sqrt(row_products(differences, differences))


@dataclass(frozen=True)
class EuclideanMOODv1(Euclidean):
    """As Euclidean, of features of unit length: s = −‖x̂ − μ‖₂, μ the mean of the train x̂.

    MOODv1 lists it as a metric; its code never ran.
    """

    version: ClassVar[int] = 1
    unit: ClassVar[bool] = True
