"""The base class of all distances to the mean of the train features."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of
from mood_sweeps.scorers.numeric.moments import train_mean
from mood_sweeps.scorers.numeric.rows import by_rows, rows_for
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["MeanDistance"]


@dataclass(frozen=True)
class MeanDistance(Scorer):
    """s = −‖x − μ‖ in a norm, μ the mean of all train features; labels are not used.

    unit: whether features are scaled to unit length first.
    """

    family: ClassVar[str] = "feature"
    unit: ClassVar[bool] = False

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the mean (D,), float64."""
        del head
        return {"mean": train_mean(train, rows_for(self.unit))}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        mean = state["mean"]
        rows, features = rows_for(self.unit), features_of(bank, width=len(mean))

        def block(part: slice) -> Scores:
            return -self.norm(rows(features[part]) - mean)

        return defined(by_rows(len(features), block))

    @abstractmethod
    def norm(self, differences: Scores) -> Scores:
        """Return the norm of every row of float64 (n, D), float64 (n,)."""
