"""Classes as Gaussians of one covariance: a state for distances to the nearest class.

A state is a centre (D,), a whitening W (D, r) and whitened means m (C, r), all float64. The squared
distance of x to class c is ‖(x − centre) W − m_c‖₂²; the centre is the mean of all samples: far
from the origin, distances would be differences of large squares.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.scorers.numeric.bank_statistics import ClassStatistics
from mood_sweeps.scorers.numeric.rounding import rounding_variance
from mood_sweeps.scorers.numeric.rows import row_products
from mood_sweeps.scorers.numeric.whitened_distances import whitening
from mood_sweeps.scorers.scorer import State

__all__ = ["nearest_class", "ridge_gaussians", "ridge_notes", "tied_gaussians"]

Float64s = npt.NDArray[np.float64]


def tied_gaussians(statistics: ClassStatistics, rounding: float) -> State:
    """Return the state with W Wᵀ = Σ⁺, Σ the within-class scatter / N.

    Directions with no more variance than ``rounding`` may cause (relative to the features, see
    `rounding_variance`) are left out. Raises Undefined where no class varies.
    """
    covariance = statistics.scatter / statistics.counts.sum()
    least = rounding_variance(rounding, statistics.mean, statistics.variance)
    return _about_the_mean(statistics, whitening(covariance, least, " within any class"))


def ridge_gaussians(statistics: ClassStatistics) -> State:
    """Return the state with W Wᵀ = ½ (S + 10⁻⁶ I)⁻¹, S the within-class scatter, a plain sum.

    As in pytorch-ood 0.4.0: in a direction without variance, a square counts 10⁶ times.
    """
    values, vectors = np.linalg.eigh(statistics.scatter)
    # Negative eigenvalues of a scatter are rounding.
    return _about_the_mean(statistics, vectors / np.sqrt(2 * (np.maximum(values, 0) + 1e-6)))


def ridge_notes(whitening: npt.NDArray[np.floating]) -> tuple[str, ...]:
    """Note the dimensions in which 10⁻⁶ I is most of S + 10⁻⁶ I, from their W (D, D)."""
    scatter = 0.5 / (whitening.astype(np.float64) ** 2).sum(axis=0)
    lost = int((scatter < 2e-6).sum())
    if not lost:
        return ()
    return (f"S is singular: in {lost} of {len(scatter)} dimensions the 10⁻⁶ added to it decides",)


def nearest_class(means: Float64s, points: Float64s) -> npt.NDArray[np.intp]:
    """Return argmin_c ‖p − m_c‖₂ of points (n, r) and means (C, r), (n,)."""
    nearest: npt.NDArray[np.intp] = (row_products(means, means) - 2 * (points @ means.T)).argmin(1)
    return nearest


def _about_the_mean(statistics: ClassStatistics, matrix: Float64s) -> State:
    means = (statistics.means - statistics.mean) @ matrix
    return {"centre": statistics.mean, "whitening": matrix, "means": means}
