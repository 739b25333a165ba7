"""A mixture of Gaussians with one tied covariance, by expectation maximisation.

The responsibilities of a sample add up to one, so in every iteration the covariance within the
components is the total covariance minus that of their means: Σ = T − Σ_j π_j μ_j μ_jᵀ. With
features whitened by T it is I − Q diag(ρ) Qᵀ, the identity minus a matrix of rank at most k. Its
inverse needs k directions only, and an iteration costs n·D·k products instead of n·D²·k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import Floats
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import device
from mood_sweeps.scorers.numeric.bank_statistics import class_means
from mood_sweeps.scorers.numeric.k_means import k_means, nearest_centre, sample_points
from mood_sweeps.scorers.numeric.rounding import rounding_along, rounding_variance
from mood_sweeps.scorers.numeric.rows import plain_rows, row_blocks, row_products
from mood_sweeps.scorers.numeric.softmax import log_sum_exp
from mood_sweeps.scorers.scorer import State

__all__ = ["fit_tied_mixture"]

Float64s = npt.NDArray[np.float64]

# As in scikit-learn's GaussianMixture: the stopping rule, and the guard of an empty component
# against 0 / 0.
_ITERATIONS, _TOLERANCE = 100, 1e-3
_EMPTY = 10 * float(np.finfo(np.float64).eps)
# Added to the variance of every direction, in units of the mean variance.
_RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class _Total:
    """The points to learn from, about their mean, and T = PᵀP / n + ridge · I = V diag(λ) Vᵀ.

    A variance in PᵀP / n below that of rounding is raised to it.
    points: P, float64 (n, D). whitening: V diag(λ)^−½, (D, D). variances: VᵀPᵀPV / n in units of λ,
    (D,): 1 apart from the ridge. log_volume: log √|2πT|.
    """

    points: Float64s
    whitening: Float64s
    variances: Float64s
    log_volume: float


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Weights π (k,) and whitened means (k, D); Σ = I − Q diag(ρ) Qᵀ, Q (D, q) and ρ (q,)."""

    weights: Float64s
    means: Float64s
    axes: Float64s
    explained: Float64s


def fit_tied_mixture(features: Floats, k: int, seed: int, rounding: float) -> State:
    """Return the mixture of ``k`` Gaussians with one covariance, fitted to the features.

    Starts from hard k-means assignments and stops when an iteration changes the mean log-likelihood
    by less than 0.001, or after 100 iterations. State, float64: centre (D,), whitening W (D, D)
    with W Wᵀ = Σ⁻¹, means (k, D) whitened, log_weights (k,), log_volume = log √|2πΣ|, (). rounding:
    of the features, relative (see `measured_rounding`). Raises Undefined where fewer than k of the
    (sampled) features differ, or all are the same.
    """
    rng = np.random.default_rng(seed)
    points = sample_points(features, plain_rows, rng)
    centre = points.mean(axis=0)
    points -= centre
    nearest = nearest_centre(points, k_means(points, k, rng))
    total = _total(points, rounding_variance(rounding, centre, points.var(axis=0)))
    counts, centres = class_means(points, nearest, k)
    mixture, likelihood = _maximise(total, counts.astype(np.float64), centres), -math.inf
    for _ in range(_ITERATIONS):
        before = likelihood
        mixture, likelihood = _iterate(total, mixture)
        if abs(likelihood - before) < _TOLERANCE:
            break
    # Σ^−½ = I + Q diag((1 − ρ)^−½ − 1) Qᵀ in whitened space.
    stretch = 1 / np.sqrt(1 - mixture.explained) - 1
    inner = np.eye(len(centre)) + (mixture.axes * stretch) @ mixture.axes.T
    return {
        "centre": centre,
        "whitening": total.whitening @ inner,
        "means": mixture.means @ inner,
        "log_weights": np.log(mixture.weights),
        "log_volume": np.asarray(_log_volume(total, mixture)),
    }


def _total(points: Float64s, rounding: Float64s) -> _Total:
    on = device()
    points_on_device = on.send_part(points, slice(None))
    covariance = on.fetch(points_on_device.T @ points_on_device) / len(points)
    variance = np.trace(covariance) / len(covariance)
    if not (np.diag(covariance) > rounding).any():
        raise Undefined("the train features do not vary by more than rounding")
    ridge = _RIDGE * variance
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    # The variance of a direction is at least that of its rounding.
    raised = np.maximum(values, rounding_along(vectors, rounding)) + ridge
    volume = (len(values) * math.log(2 * math.pi) + float(np.log(raised).sum())) / 2
    return _Total(points, vectors / np.sqrt(raised), values / raised, volume)


def _iterate(total: _Total, mixture: _Mixture) -> tuple[_Mixture, float]:
    """Return the next mixture, and the mean log-likelihood of the points under this one."""
    odds = mixture.explained / (1 - mixture.explained)
    # Σ⁻¹ = I + Q diag(ρ / (1 − ρ)) Qᵀ, applied to the means.
    stretched = mixture.means + (mixture.means @ mixture.axes * odds) @ mixture.axes.T
    directions = stretched @ total.whitening.T
    offsets = np.log(mixture.weights) - row_products(mixture.means, stretched) / 2
    on = device()
    columns, summed = on.send(directions.T), on.send(np.zeros_like(directions))
    counts, mixed = np.zeros(len(offsets)), 0.0
    for rows in row_blocks(len(total.points)):
        points = on.send_part(total.points, rows)
        joint = offsets + on.fetch(points @ columns)
        normalizer = log_sum_exp(joint)
        responsibilities = np.exp(joint - normalizer[:, None])
        counts += responsibilities.sum(axis=0)
        summed += on.send(responsibilities.T) @ points
        mixed += float(normalizer.sum())
    sums = on.fetch(summed)
    # The mean of pᵀΣ⁻¹p, the same for all components.
    squares = total.variances.sum() + odds @ (total.variances @ mixture.axes**2)
    likelihood = mixed / len(total.points) - float(squares) / 2 - _log_volume(total, mixture)
    return _maximise(total, counts, sums / (counts + _EMPTY)[:, None]), likelihood


def _maximise(total: _Total, counts: Float64s, centres: Float64s) -> _Mixture:
    """Return the mixture of maximum likelihood for these counts (k,) and means (k, D)."""
    weights = (counts + _EMPTY) / (counts + _EMPTY).sum()
    means = centres @ total.whitening
    _, scale, axes = np.linalg.svd(np.sqrt(weights)[:, None] * means, full_matrices=False)
    # Rounding aside, the means explain at most the whole variance of a direction.
    return _Mixture(weights, means, axes.T, np.minimum(scale**2, total.variances.max()))


def _log_volume(total: _Total, mixture: _Mixture) -> float:
    """Return log √|2πΣ|."""
    return total.log_volume + float(np.log1p(-mixture.explained).sum()) / 2
