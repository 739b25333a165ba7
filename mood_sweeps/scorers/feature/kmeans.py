"""Distance to the nearest k-means centre of the train features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of
from mood_sweeps.scorers.numeric.k_means import train_clusters
from mood_sweeps.scorers.numeric.rows import by_rows, rows_for
from mood_sweeps.scorers.numeric.whitened_distances import min_squared_distances
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import small_cluster_notes, stored_count

__all__ = ["KMeans", "KMeansMOODv1"]


@dataclass(frozen=True)
class KMeans(Scorer):
    """s = −min_j ‖x − c_j‖₂, c the centres of k clusters of the train features.

    MOODv1 lists a metric of this name; its code never ran. Labels are not used. Clusters are found
    by k-means on at most 65,536 train features (see ``scorers/numeric/k_means.py``).
    k: by default CIFAR-10's number of classes; sweep it. seed: of the sample and the first centres.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    unit: ClassVar[bool] = False

    k: Annotated[int, Field(gt=0)] = 10
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return the centres (k, D), float64, and count (), int64: the number of features.

        Undefined where fewer than k features differ.
        """
        del head
        centres = train_clusters(train, self.k, self.seed, rows_for(self.unit))
        return {"centres": centres, "count": np.asarray(len(train))}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        rows, mean = rows_for(self.unit), state["centres"].mean(axis=0)
        features, centres = features_of(bank, width=len(mean)), state["centres"] - mean

        def block(part: slice) -> Scores:
            return -np.sqrt(min_squared_distances(centres, rows(features[part]) - mean))

        return defined(by_rows(len(features), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note clusters of few images."""
        del bank
        return small_cluster_notes(self.k, stored_count(state, "count"), "clusters")


@dataclass(frozen=True)
class KMeansMOODv1(KMeans):
    """As KMeans, of features of unit length: s = −min_j ‖x̂ − c_j‖₂, c the centres of train x̂."""

    version: ClassVar[int] = 1
    unit: ClassVar[bool] = True
