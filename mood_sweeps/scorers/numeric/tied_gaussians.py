"""Classes as Gaussians of one covariance: the state that distances to the nearest come from.

A state is a centre (D,), a whitening W (D, r) and whitened means m (C, r), all float64. The squared
distance of x to class c is ‖(x − centre) W − m_c‖₂²; the centre is the mean of all samples, because
distances are differences of large squares unless the origin lies amid the data.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mood_sweeps.scorers.numeric.bank_statistics import ClassStatistics
from mood_sweeps.scorers.numeric.rounding import rounding_variance
from mood_sweeps.scorers.numeric.row_blocks import row_products
from mood_sweeps.scorers.numeric.whitened_distances import whitening
from mood_sweeps.scorers.scorer import State

__all__ = ["nearest_class", "summed_gaussians", "summed_note", "tied_gaussians"]

Float64s = npt.NDArray[np.float64]


def tied_gaussians(statistics: ClassStatistics, rounding: float) -> State:
    """Return the state with W Wᵀ = Σ⁺, Σ the within-class scatter / N.

    A direction that varies by no more than ``rounding`` explains, relative to the features, is
    left out (see `rounding_variance`). Raises Undefined where no class varies at all.
    """
    covariance = statistics.scatter / statistics.counts.sum()
    least = rounding_variance(rounding, statistics.mean, statistics.variance)
    return _about_the_mean(statistics, whitening(covariance, least, " within any class"))


def summed_gaussians(statistics: ClassStatistics) -> State:
    """Return the state with W Wᵀ = ½ (S + 10⁻⁶ I)⁻¹, S the within-class scatter, a plain sum.

    What pytorch-ood 0.4.0 takes: a direction that never varies counts 10⁶ times its square.
    """
    values, vectors = np.linalg.eigh(statistics.scatter)
    # A scatter has no negative eigenvalues but for rounding.
    return _about_the_mean(statistics, vectors / np.sqrt(2 * (np.maximum(values, 0) + 1e-6)))


def summed_note(whitening: npt.NDArray[np.floating]) -> tuple[str, ...]:
    """Return the note that 10⁻⁶ I is most of S + 10⁻⁶ I somewhere, from W (D, D) of these."""
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
