"""Mahalanobis distance to the nearest class, each class with its own covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.checked_arrays import defined, train_features_of, train_labels_of
from mood_sweeps.scorers.numeric.moments import group_members, ledoit_wolf, moments_of
from mood_sweeps.scorers.numeric.rounding import measured_rounding, rounding_variance
from mood_sweeps.scorers.numeric.rows import plain_rows
from mood_sweeps.scorers.numeric.whitened_distances import (
    by_group_distances,
    lower_inverse,
    raise_to_rounding,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State
from mood_sweeps.scorers.shared_notes import class_notes, small_class_notes

__all__ = ["MahalanobisPerClass"]

# Eigenvalues below this share of their sum count as zero.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class MahalanobisPerClass(Scorer):
    """s = −min_c (x − μ_c)ᵀ Σ_c⁻¹ (x − μ_c), Σ_c the Ledoit–Wolf covariance of class c.

    MOODv1 offers it as ``--cc``, which never ran (its features had no labels). A class has far
    fewer samples than a tied covariance, often fewer than D. With a pseudo-inverse, a difference in
    a direction without variance would then count as no distance at all; so every Σ_c is shrunk
    towards a multiple of the identity, by Ledoit and Wolf's (2004) optimal share. A class for which
    that share is zero (fewer than three different samples, rounding aside) has no Gaussian and is
    never the nearest.

    Cost: C·D² / 2 products a sample, C times the tied distance; a state of 4·C·D² bytes. Distances
    are of single precision: relative error about 1e-6.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return means (G, D), float64, whitenings (G, D, D), float32, W Wᵀ = Σ_c⁻¹, and counts
        (C,), int64: the number of features of each of the C ≥ G classes.

        Raises Undefined where no class has a covariance.
        """
        del head
        features = train_features_of(train)
        classes, width = group_members(train_labels_of(train)), features.shape[1]
        means = np.empty((len(classes), width))
        matrices = np.empty((len(classes), width, width), dtype=np.float32)
        rounding, fitted = measured_rounding(train), 0
        for members in classes:
            moments = moments_of(features, plain_rows, members)
            least = rounding_variance(rounding, moments.mean, moments.variance)
            covariance, share = ledoit_wolf(moments)
            # No eigenvalue is below share · trace / D; one that is negligible beside the trace is
            # rounding.
            if share > _ROUNDING * width and (moments.variance > least).any():
                means[fitted] = moments.mean
                factor = np.linalg.cholesky(raise_to_rounding(covariance, share, least))
                matrices[fitted] = lower_inverse(factor).T
                fitted += 1
        if not fitted:
            raise Undefined("no class has enough different samples for a covariance of its own")
        counts = np.array([len(members) for members in classes])
        return {"means": means[:fitted], "whitening": matrices[:fitted], "counts": counts}

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-by_group_distances(bank, state, lambda squared: squared.min(axis=1)))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note classes with few images for a covariance, and classes without one."""
        del bank
        if "counts" not in state:  # a state from before notes existed
            return ()
        counts, means = state["counts"], state["means"]
        return (
            *small_class_notes(counts, means.shape[1]),
            *class_notes(len(counts) - len(means), len(counts), "are never the nearest"),
        )
