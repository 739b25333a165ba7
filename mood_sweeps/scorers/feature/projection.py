"""Length of the projection on the mean train feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of
from mood_sweeps.scorers.numeric.moments import train_mean
from mood_sweeps.scorers.numeric.rows import by_rows, rows_for
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["Projection", "ProjectionMOODv1"]


@dataclass(frozen=True)
class Projection(Scorer):
    """s = ⟨x, μ⟩ / ‖μ‖₂, the signed length of x along the mean μ of all train features.

    MOODv1 lists a metric of this name among distances to the train mean, but its code never ran and
    no other source defines it; this definition fits those distances. Labels are not used.
    unit: whether features are scaled to unit length first.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    unit: ClassVar[bool] = False

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the direction (D,), float64; Undefined where the mean is zero."""
        del head
        mean = train_mean(train, rows_for(self.unit))
        length = np.linalg.norm(mean)
        if length == 0:
            raise Undefined("the mean of the train features is zero: it has no direction")
        return {"direction": mean / length}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        direction = state["direction"]
        rows, features = rows_for(self.unit), features_of(bank, width=len(direction))

        def block(part: slice) -> Scores:
            lengths: Scores = rows(features[part]) @ direction
            return lengths

        return defined(by_rows(len(features), block))


@dataclass(frozen=True)
class ProjectionMOODv1(Projection):
    """As Projection, of features of unit length: the cosine of x and the mean of the train x̂."""

    version: ClassVar[int] = 1
    unit: ClassVar[bool] = True
