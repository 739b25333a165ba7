"""SSD: Mahalanobis distance to clusters of unit-length features (Sehwag et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import defined, train_features_of
from mood_sweeps.scorers.numeric.k_means import nearest_centre, train_clusters
from mood_sweeps.scorers.numeric.moments import (
    Moments,
    feature_blocks,
    group_members,
    moments_of,
    train_moments,
)
from mood_sweeps.scorers.numeric.rounding import measured_rounding, rounding_variance
from mood_sweeps.scorers.numeric.rows import unit_rows
from mood_sweeps.scorers.numeric.whitened_distances import (
    by_group_distances,
    lower_inverse,
    singular_notes,
    whitening,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["SSD"]

# A variance below this share of all features' variance in the same direction is float64 rounding.
_NOTHING = 1e-10


@dataclass(frozen=True)
class SSD(Scorer):
    """s = −min_j (x̂ − μ_j)ᵀ Σ_j⁺ (x̂ − μ_j), x̂ = x / ‖x‖₂, μ_j and Σ_j of the train x̂ in cluster j.

    Sehwag et al. (2021), equation 1: k clusters found by k-means, labels are not used (SSD+ uses
    them to train the network, not here). Their code also standardises each dimension first, which
    changes no Mahalanobis distance, but may change the clusters.

    Σ_j is the biased covariance, Σ_j⁺ its pseudo-inverse. A cluster that varies in fewer
    directions than all features together (for example with few samples) would ignore differences
    in the other directions: it is left out. With k = 1 equal to `mahalanobis@moodv1`.
    k: number of clusters. seed: of k-means (see ``scorers/numeric/k_means.py``).
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"

    k: Annotated[int, Field(gt=0)] = 1
    seed: Annotated[int, Field(ge=0)] = 0

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return means (G, D) and whitenings (G, D, r), W Wᵀ = Σ_j⁺, of G ≤ k clusters, float64.

        Raises Undefined where all features have one direction, fewer than k directions differ, or
        no cluster is left.
        """
        del head
        together = train_moments(train, unit_rows)
        least = rounding_variance(measured_rounding(train), together.mean, together.variance)
        shared = whitening(together.scatter / together.count, least)
        rounding = (shared.T * least) @ shared
        means, matrices = [], []
        for cluster in [together] if self.k == 1 else self._clusters(train):
            covariance = shared.T @ (cluster.scatter / cluster.count) @ shared
            if np.linalg.eigvalsh(covariance - rounding)[0] > _NOTHING:
                means.append(cluster.mean)
                matrices.append(shared @ lower_inverse(np.linalg.cholesky(covariance)).T)
        if not means:
            raise Undefined("no cluster varies in all directions that the features vary in")
        return {"means": np.stack(means), "whitening": np.stack(matrices)}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        nearest = by_group_distances(bank, state, lambda squared: squared.min(axis=1), unit_rows)
        return defined(-nearest)

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the numbers of dimensions and of clusters that are left out."""
        del bank
        clusters, width, kept = state["whitening"].shape
        without = self.k - clusters
        lost = (f"{without} of {self.k} clusters left out: Σ_j is singular",) if without else ()
        return (*singular_notes("Σ of all features", width, kept), *lost)

    def _clusters(self, train: FeatureBank) -> list[Moments]:
        features = train_features_of(train)
        centres = train_clusters(train, self.k, self.seed, unit_rows)
        blocks = feature_blocks(features, unit_rows)
        nearest = np.concatenate([nearest_centre(block, centres) for block in blocks])
        return [moments_of(features, unit_rows, members) for members in group_members(nearest)]
