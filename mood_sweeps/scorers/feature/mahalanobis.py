"""Mahalanobis distance to the nearest class mean under one tied covariance (Lee et al., 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.numeric import tied_gaussians as gaussians
from mood_sweeps.scorers.numeric.bank_statistics import class_statistics
from mood_sweeps.scorers.numeric.checked_arrays import defined
from mood_sweeps.scorers.numeric.moments import train_moments
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rounding import measured_rounding, rounding_variance
from mood_sweeps.scorers.numeric.rows import unit_rows
from mood_sweeps.scorers.numeric.whitened_distances import (
    nearest_squared,
    nearest_state,
    singular_notes,
    whitening,
)
from mood_sweeps.scorers.scorer import Scorer, Scores, State

__all__ = ["Mahalanobis", "MahalanobisMOODv1", "MahalanobisPytorchOOD", "tied_gaussians"]


@dataclass(frozen=True)
class Mahalanobis(Scorer):
    """s = −min_c (x − μ_c)ᵀ Σ⁺ (x − μ_c), Σ = within-class scatter / N.

    Lee et al. (2018), equations 1 and 2; MOODv2 and OpenOOD (in float32) compute the same.
    Σ⁺ is the pseudo-inverse: it leaves out directions in which no class varies, or in which the
    variance may be rounding of the features alone (``scorers/numeric/rounding.py``; LayerNorm
    causes one such direction). A class without train samples has no mean and is never the nearest.
    Statistics are float64; x is whitened in float32 where that keeps distances exact to 1e-6.
    Cost: N·D² to fit, shared with ViM and Residual; D² / 2 + C·D a sample.
    """

    version: ClassVar[int] = 3
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ("labels",)

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, r) with W Wᵀ = Σ⁺, and whitened means (C, r).

        Raises Undefined where no class varies, for example with one sample each.
        """
        del head
        statistics = class_statistics(train)
        matrix = tied_gaussians(train)["whitening"]
        return nearest_state(statistics.mean, matrix, statistics.means, statistics.variance)

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-nearest_squared(bank, state))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions that Σ⁺ leaves out."""
        del bank
        return singular_notes("Σ within the classes", *state["whitening"].shape)


@dataclass(frozen=True)
class MahalanobisPytorchOOD(Mahalanobis):
    """s = −½ min_c (x − μ_c)ᵀ (S + 10⁻⁶ I)⁻¹ (x − μ_c), S the within-class scatter, a plain sum.

    pytorch-ood 0.4.0, `Mahalanobis`, without input perturbation; there in float32. It is the tied
    distance over 2N, except where S is nearly singular: a direction in which no class varies is
    not ignored, its square counts 10⁶ times. This follows the tool at any precision and scale of
    the features.
    """

    version: ClassVar[int] = 1

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, D) and whitened means (C, D)."""
        del head
        statistics, count = class_statistics(train), len(train)
        raised = statistics.scatter + 1e-6 * np.eye(len(statistics.mean))
        # Negative eigenvalues of a scatter are rounding.
        values, vectors = np.linalg.eigh(raised)
        matrix = vectors * np.sqrt(count / np.maximum(values, 1e-6))
        state = nearest_state(statistics.mean, matrix, statistics.means, statistics.variance)
        half = math.sqrt(0.5 / count)
        return {**state, "whitening": half * state["whitening"], "means": half * state["means"]}

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions in which 10⁻⁶ I is most of S + 10⁻⁶ I."""
        del bank
        return gaussians.ridge_notes(state["whitening"])


@dataclass(frozen=True)
class MahalanobisMOODv1(Scorer):
    """s = −(x̂ − μ)ᵀ Σ⁺ (x̂ − μ), x̂ = x / ‖x‖₂, μ and Σ of all train x̂ together.

    MOODv1's "Mahalanobis": one Gaussian for all classes, so labels are not used; Σ is the biased
    covariance (divided by N), Σ⁺ its pseudo-inverse. Equal to `ssd` with one cluster.
    """

    version: ClassVar[int] = 2
    family: ClassVar[str] = "feature"

    def fit(self, train: FeatureBank, head: Head | None) -> State:
        """Return centre (D,), whitening (D, r) and the whitened mean (1, r).

        Raises Undefined where all features have one direction.
        """
        del head
        moments = train_moments(train, unit_rows)
        covariance = moments.scatter / moments.count
        least = rounding_variance(measured_rounding(train), moments.mean, moments.variance)
        matrix = whitening(covariance, least)
        return nearest_state(moments.mean, matrix, moments.mean[None], np.diag(covariance))

    def score(self, state: State, bank: FeatureBank) -> Scores:
        """Return float64 (N,), higher = more in-distribution."""
        return defined(-nearest_squared(bank, state, unit_rows))

    def notes(self, state: State, bank: FeatureBank) -> tuple[str, ...]:
        """Note the number of dimensions that Σ⁺ leaves out."""
        del bank
        return singular_notes("Σ", *state["whitening"].shape)


def tied_gaussians(train: FeatureBank) -> State:
    """Return the state of `gaussians.tied_gaussians` of the classes of the train features."""
    statistics = class_statistics(train)

    def compute() -> State:
        return gaussians.tied_gaussians(statistics, measured_rounding(train))

    return once_per_bank(train, "tied gaussians", compute)
