"""Mahalanobis distance to the nearest class mean under one tied covariance (Lee et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.checks import defined, features_of
from mood_sweeps.scorers.rows import by_rows, row_products
from mood_sweeps.scorers.scorer import Scores, State
from mood_sweeps.scorers.statistics import class_statistics

__all__ = ["Mahalanobis"]


@dataclass(frozen=True)
class Mahalanobis:
    """s = −min_c (x − μ_c)ᵀ Σ⁺ (x − μ_c), Σ = within-class scatter / N, in float64.

    Σ⁺ is the pseudo-inverse: directions in which no class varies are ignored. A class without
    train samples has no mean and is never the nearest.
    """

    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs_head: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = False

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, r) with W Wᵀ = Σ⁺, and whitened means (C, r), float64.

        Raises Undefined where no class varies at all (one sample each, say).
        """
        del head
        statistics = class_statistics(train)
        values, vectors = np.linalg.eigh(statistics.scatter / len(train))
        # The rank that scipy.linalg.pinvh, and so scikit-learn's covariance, would find.
        kept = values > np.finfo(np.float64).eps * len(values) * values[-1]
        if not kept.any():
            raise Undefined("the train features do not vary within any class")
        whitening = np.ascontiguousarray(vectors[:, kept] / np.sqrt(values[kept]))
        # Distances are differences of large squares unless the origin lies amid the data.
        centre = np.average(statistics.means, axis=0, weights=statistics.counts)
        return {
            "centre": centre,
            "whitening": whitening,
            "means": (statistics.means - centre) @ whitening,
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        centre, whitening, means = state["centre"], state["whitening"], state["means"]
        features = features_of(bank, width=len(centre))
        lengths = row_products(means, means)

        def block(rows: slice) -> Scores:
            white: Scores = (features[rows].astype(np.float64) - centre) @ whitening
            nearest: Scores = (lengths - 2 * (white @ means.T)).min(axis=1)
            return -np.maximum(row_products(white, white) + nearest, 0)

        return defined(by_rows(len(features), block))
