"""Mahalanobis distance to the nearest class, each under a covariance of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import defined, train_features_of, train_labels_of
from mood_sweeps.scorers.numeric.moments import group_members, ledoit_wolf, moments_of
from mood_sweeps.scorers.numeric.rounding import measured_rounding, rounding_variance
from mood_sweeps.scorers.numeric.unit_features import plain_rows
from mood_sweeps.scorers.numeric.whitened_distances import by_group_distances, lower_inverse, raised
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import few_a_covariance, none_of_a_class

__all__ = ["MahalanobisPerClass"]

# Eigenvalues below this share of their sum are not told from zero.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class MahalanobisPerClass(Scorer):
    """s = −min_c (x − μ_c)ᵀ Σ_c⁻¹ (x − μ_c), Σ_c the Ledoit–Wolf covariance of class c.

    What MOODv1 offers as ``--cc`` and never ran (its features carried no labels). A class has far
    fewer samples than a tied covariance, often fewer than D, and a pseudo-inverse would then call
    everything near that differs in a direction it never saw: so every Σ_c is shrunk towards a
    multiple of the identity, by Ledoit and Wolf's (2004) optimal share. A class for which no share
    is left (fewer than three different samples, to the rounding of the features) has no Gaussian
    and is never the nearest.

    Cost: C·D² / 2 products a sample, C times the tied distance; a state of 4·C·D² bytes. Distances
    are of single precision: relative error about 1e-6.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return means (G, D), float64, whitenings (G, D, D), float32, W Wᵀ = Σ_c⁻¹, and counts
        (C,), int64: how many features each of the C ≥ G classes has.

        Raises Undefined where no class has a covariance.
        """
        del head
        features = train_features_of(train)
        classes, width = group_members(train_labels_of(train)), features.shape[1]
        means = np.empty((len(classes), width))
        matrices = np.empty((len(classes), width, width), dtype=np.float32)
        rounding, found = measured_rounding(train), 0
        for members in classes:
            moments = moments_of(features, plain_rows, members)
            least = rounding_variance(rounding, moments.mean, moments.variance)
            covariance, share = ledoit_wolf(moments)
            # No eigenvalue is below share · trace / D, and what is nothing beside the trace is
            # rounding.
            if share > _ROUNDING * width and (moments.variance > least).any():
                means[found] = moments.mean
                factor = np.linalg.cholesky(raised(covariance, share, least))
                matrices[found] = lower_inverse(factor).T
                found += 1
        if not found:
            raise Undefined("no class has enough different samples for a covariance of its own")
        counts = np.array([len(members) for members in classes])
        return {"means": means[:found], "whitening": matrices[:found], "counts": counts}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-by_group_distances(bank, state, lambda squared: squared.min(axis=1)))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes with too few images for a covariance, or for none at all."""
        del bank
        if "counts" not in state:  # stored before there were notes
            return ()
        counts, means = state["counts"], state["means"]
        return (
            *few_a_covariance(counts, means.shape[1]),
            *none_of_a_class(len(counts) - len(means), len(counts), "are never the nearest"),
        )
