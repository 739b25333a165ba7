"""Cosine similarity to the train features (Tack et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.feature.knn import KNN
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["Cosine"]


@dataclass(frozen=True)
class Cosine(Scorer):
    """s = max_i ⟨x̂, x̂_i⟩ over the train features x̂_i, x̂ = x / ‖x‖₂.

    CSI's similarity (Tack et al., 2020, equation 6) without its factor ‖x‖; MOODv1 lists it as
    ``cos`` (its code, which never ran, takes the maximum over the wrong axis). The cosine with the
    mean train feature is `projection@moodv1`: it has no source in the literature, and several
    classes share no direction that their mean could represent.

    s = 1 − ‖x̂ − x̂_(1)‖² / 2, so it orders samples like `knn` with k = 1. Absolute error about
    1e-6; a zero feature is taken as orthogonal to all.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the state of `knn` with k = 1; Undefined without train features."""
        return KNN(k=1).fit(train, head)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,) in [−1, 1], higher = more in-distribution."""
        return 1 + KNN(k=1).score(state, bank) / 2
