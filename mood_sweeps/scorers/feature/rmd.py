"""Relative Mahalanobis distance (Ren et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.feature.mahalanobis import tied_gaussians
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.bank_statistics import class_statistics
from mood_sweeps.scorers.numeric.checked_arrays import defined, features_of
from mood_sweeps.scorers.numeric.rounding import (
    measured_rounding,
    rounding_along,
    rounding_variance,
)
from mood_sweeps.scorers.numeric.rows import by_rows
from mood_sweeps.scorers.numeric.subspace_projection import centred_rows
from mood_sweeps.scorers.numeric.whitened_distances import (
    min_squared_distances_there,
    singular_notes,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["RMD"]


@dataclass(frozen=True)
class RMD(Scorer):
    """s = −min_c (d_c² − d_0²), Mahalanobis distances d_c to class c and d_0 to all features.

    d_c² = (x − μ_c)ᵀ Σ⁻¹ (x − μ_c), Σ = within-class scatter / N; d_0² likewise about the mean of
    all features, Σ_0 = total scatter / N (Ren et al., 2021, section 3; OpenOOD's rmds). pytorch-ood
    0.4.0 leaves out both divisions by N: the same score over N (older versions left out only one).

    The two Gaussians differ only in the directions in which the class means differ. With x whitened
    by Σ, Σ_0 becomes I + Σ_j β_j a_j a_jᵀ with the principal axes a_j of the class means, at most C
    − 1. With u_j = a_jᵀx, d_c² − d_0² = Σ_j (u_j − m_cj)² − u_j² / (1 + β_j): C·D products a sample
    instead of 2·D², and no subtraction of large numbers. Directions that Σ⁺ leaves out (see
    `mahalanobis`) are ignored in both.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), axes (D, r), means (C, r) on them and 1 / (1 + β) (r,), float64, and
        rank (): the number of dimensions that Σ⁺ keeps.

        Raises Undefined where no class varies, or where all classes have the same mean.
        """
        del head
        tied, statistics = tied_gaussians(train), class_statistics(train)
        counts = statistics.counts
        weighted = np.sqrt(counts / counts.sum())[:, None] * tied["means"]
        _, between, axes = np.linalg.svd(weighted, full_matrices=False)
        # ``between`` is in units of the deviation within the classes; so is the rounding.
        least = rounding_variance(measured_rounding(train), statistics.mean, statistics.variance)
        rounding = rounding_along(tied["whitening"] @ axes.T, least)
        kept = between > np.sqrt(np.maximum(rounding, 1e-18))
        if not kept.any():
            raise Undefined("all classes have one mean: their Gaussian is the background's")
        axes = axes[kept].T
        return {
            "centre": tied["centre"],
            "axes": tied["whitening"] @ axes,
            "means": tied["means"] @ axes,
            "background": 1 / (1 + between[kept] ** 2),
            "rank": np.asarray(tied["whitening"].shape[1]),
        }

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        features = features_of(bank, width=len(state["centre"]))
        on, centred = device(), centred_rows(features, state["centre"], np.float64)
        axes, means, weights = (on.send(state[name]) for name in ("axes", "means", "background"))

        def block(rows: slice) -> Scores:
            points = centred(rows) @ axes
            background: Scores = on.fetch(points**2 @ weights)
            return background - min_squared_distances_there(means, points)

        return defined(by_rows(len(features), block))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions that Σ⁺ leaves out."""
        del bank
        return singular_notes("Σ within the classes", len(state["centre"]), int(state["rank"]))
