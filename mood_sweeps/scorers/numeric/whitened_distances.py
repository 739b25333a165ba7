"""Mahalanobis distances, computed as Euclidean distances of whitened features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats
from mood_sweeps.errors import Undefined
from mood_sweeps.scorers.numeric.array_device import Array, device
from mood_sweeps.scorers.numeric.bank_statistics import digest
from mood_sweeps.scorers.numeric.checked_arrays import features_of
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rounding import count_above_rounding
from mood_sweeps.scorers.numeric.rows import Rows, by_rows, plain_rows
from mood_sweeps.scorers.numeric.subspace_projection import as_single, centred_rows
from mood_sweeps.scorers.scorer import State

__all__ = [
    "by_group_distances",
    "lower_inverse",
    "min_squared_distances",
    "min_squared_distances_there",
    "nearest_squared",
    "nearest_state",
    "raise_to_rounding",
    "singular_notes",
    "whitening",
]

Float64s = npt.NDArray[np.float64]

# Columns of a triangular matrix in one product, which skips the rows that are zero in all of them.
_PANEL = 128
# float32 keeps a squared distance exact to 1e-6 if the terms of a whitened coordinate are at most
# _GROWTH times the root of the number of coordinates. With few coordinates float64 costs little.
_GROWTH, _MANY = 8.0, 64


def whitening(covariance: Float64s, rounding: Float64s | float, where: str = "") -> Float64s:
    """Return W (D, r), float64, with W Wᵀ = Σ⁺: the covariance of xW is the identity.

    Directions without variance are left out, and so are those with no more variance than rounding
    may cause: ``rounding`` is this variance for every dimension of the features, (D,) (see
    `rounding_variance`), or for all; 0 where Σ was regularised. The float64 rounding of Σ itself is
    allowed for. Each dimension is in units of its rounding when directions are selected, so that a
    dimension that is large or far from zero hides no other. Where all are kept, W is upper
    triangular, unless Σ is close to singular. Raises Undefined where no direction is left;
    ``where`` ends its message.
    """
    triangular = _triangular_whitening(covariance, float(np.max(rounding)))
    if triangular is not None:
        return triangular
    if np.any(rounding):
        return _scaled_whitening(covariance, _units(covariance, rounding), where)
    values, vectors = np.linalg.eigh(covariance)
    left_out = len(values) - count_above_rounding(values[::-1], 0.0)
    values, vectors = values[left_out:], vectors[:, left_out:]
    if not len(values):
        raise Undefined(f"the train features do not vary{where}")
    return np.ascontiguousarray(vectors / np.sqrt(values))


def singular_notes(what: str, width: int, kept: int) -> tuple[str, ...]:
    """Note that ``what`` is singular, if fewer than ``width`` dimensions were kept."""
    if kept == width:
        return ()
    return (f"{what} is singular: {width - kept} of {width} dimensions left out",)


def raise_to_rounding(covariance: Float64s, share: float, rounding: Float64s | float) -> Float64s:
    """Return a shrunk Σ with at least the variance of rounding in every direction.

    rounding: the variance of rounding in every dimension, (D,), or in all. In these units,
    eigenvalues below 1 are raised to 1.

    share: δ of `ledoit_wolf`. No eigenvalue of Σ is below δ·m, m = tr Σ / D; mostly that is far
    above rounding, and Σ is returned unchanged.
    """
    if share * np.trace(covariance) > np.max(rounding) * len(covariance):
        return covariance
    units = _units(covariance, rounding)
    values, vectors = np.linalg.eigh(covariance / np.outer(units, units))
    vectors *= units[:, None]
    regular: Float64s = (vectors * np.maximum(values, 1)) @ vectors.T
    return regular


def _units(covariance: Float64s, rounding: Float64s | float) -> Float64s:
    """Return the deviation that rounding may cause in every dimension, (D,): rounding of the
    features, or of Σ itself in float64. A dimension that is always 0 gets the smallest of the
    others.
    """
    own = np.finfo(np.float64).eps * len(covariance) * np.diag(covariance)
    units = np.sqrt(np.maximum(own, rounding))
    positive = units > 0
    return np.where(positive, units, units[positive].min(initial=1.0))


def _scaled_whitening(covariance: Float64s, units: Float64s, where: str) -> Float64s:
    """Return W with W Wᵀ = Σ⁺, without eigenvalues of at most 1 when dimensions are in ``units``.

    The pseudo-inverse is taken in these units where it would amplify rounding otherwise.
    """
    scaled = covariance / np.outer(units, units)
    values, vectors = np.linalg.eigh(scaled)
    kept = values > 1
    if not kept.any():
        raise Undefined(f"the train features do not vary{where} by more than rounding")
    if kept.all():
        return np.ascontiguousarray(lower_inverse(np.linalg.cholesky(scaled)).T / units[:, None])
    # Σ = B Bᵀ, B = Q T of full column rank: Σ⁺ = W Wᵀ with W = Q T⁻ᵀ.
    root = units[:, None] * (vectors[:, kept] * np.sqrt(values[kept]))
    basis, factor = np.linalg.qr(root)
    matrix = basis @ lower_inverse(np.ascontiguousarray(factor.T))
    if np.linalg.norm(units[:, None] * matrix, 2) > 1:
        # Dimensions differ so much in size that xW would have more rounding than variance.
        matrix = vectors[:, kept] / np.sqrt(values[kept]) / units[:, None]
    return np.ascontiguousarray(matrix)


def _triangular_whitening(covariance: Float64s, rounding: float) -> Float64s | None:
    """Return the inverse of Σ's upper Cholesky factor, or None where a variance may be rounding.

    The smallest eigenvalue of Σ is at least 1 / tr Σ⁻¹ and the largest at most tr Σ: a Σ that
    passes has full rank by any rule, and its inverse is as exact as one by eigenvalues.
    """
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None
    inverse = lower_inverse(factor)
    smallest = 1 / max(float((inverse**2).sum()), np.finfo(np.float64).tiny)
    if not smallest > max(1e-10 * np.trace(covariance), rounding):
        return None
    return np.ascontiguousarray(inverse.T)


def lower_inverse(factor: Floats) -> Floats:
    """Return the inverse of a lower triangular matrix, by halves: D³ / 3 operations."""
    half = len(factor) // 2
    if half < _PANEL // 2:
        return np.tril(np.linalg.inv(factor))
    inverse = np.zeros_like(factor)
    inverse[:half, :half] = lower_inverse(factor[:half, :half])
    inverse[half:, half:] = lower_inverse(factor[half:, half:])
    inverse[half:, :half] = -inverse[half:, half:] @ (factor[half:, :half] @ inverse[:half, :half])
    return inverse


def nearest_state(centre: Float64s, matrix: Float64s, means: Float64s, variance: Float64s) -> State:
    """Return the state that ``nearest_squared`` needs: centre (D,), whitening (D, r), means (C, r).

    centre: near the data. matrix: W, float64 (D, r). means: (C, D), not yet whitened. variance: of
    every dimension of the data about the centre, (D,); it decides whether float32 products are
    exact enough.
    """
    count = matrix.shape[1]
    # A whitened coordinate is about 1, a sum of terms of about this size in total, each with a
    # rounding error of 6e-8.
    growth = np.sqrt((matrix**2 * variance[:, None]).sum() / count)
    single = count >= _MANY and growth <= _GROWTH * np.sqrt(count)
    dtype = np.float32 if single else np.float64
    centre = as_single(centre)
    return {
        "centre": centre,
        "whitening": matrix.astype(dtype, order="C"),
        "means": ((means - centre) @ matrix).astype(dtype),
    }


def nearest_squared(bank: FeatureBank, state: State, rows: Rows = plain_rows) -> Float64s:
    """Return min_c ‖(x − centre) W − m_c‖₂² of every row of ``rows(features)``, float64 (N,).

    state: centre (D,), whitening W (D, r) and means m (C, r), see ``nearest_state``.
    """
    centre, matrix, means = state["centre"], state["whitening"], state["means"]
    features = features_of(bank, width=len(centre))

    def compute() -> Float64s:
        on, product = device(), _Product(matrix)
        centred = centred_rows(features, centre, matrix.dtype, rows)
        whitening, whitened = on.send(matrix), on.send(means)

        def block(part: slice) -> Float64s:
            return min_squared_distances_there(whitened, product.of(centred(part), whitening))

        return by_rows(len(features), block)

    name = ("nearest squared", rows, digest(centre), digest(matrix), digest(means))
    return once_per_bank(bank, name, compute)


class _Product:
    """X W on the device for one W (D, r); skips the zeros of an upper triangular W."""

    def __init__(self, matrix: Floats) -> None:
        depth, width = matrix.shape
        self._width, self._dtype = width, matrix.dtype
        # Columns of one product, and how many of their leading rows are not all zero.
        self._panels = [(slice(0, width), depth)]
        if not np.tril(matrix, -1).any():
            starts = range(0, width, _PANEL)
            self._panels = [
                (slice(start, start + _PANEL), min(start + _PANEL, depth)) for start in starts
            ]

    def of(self, points: Array, matrix: Array) -> Array:
        """Return the product of points (n, D) and the matrix, (n, r)."""
        on = device()
        product = on.empty((len(points), self._width), self._dtype)
        for columns, depth in self._panels:
            on.xp.matmul(points[:, :depth], matrix[:depth, columns], out=product[:, columns])
        return product


def min_squared_distances(means: Floats, points: Floats) -> Float64s:
    """Return min_c ‖p − m_c‖₂² of points (n, r) and means (C, r), float64 (n,), never negative.

    ‖m‖² − 2pᵀm selects the nearest; its distance is then computed from the difference, which is
    small where p is near.
    """
    on = device()
    return min_squared_distances_there(on.send(means), on.send(points))


def min_squared_distances_there(means: Array, points: Array) -> Float64s:
    """As ``min_squared_distances``, of means and points that are on the device."""
    on = device()
    if len(means) == 1:
        return on.fetch(on.row_squares(points - means))
    squares = on.xp.einsum("ij,ij->i", means, means)
    differences = means[(squares - 2 * (points @ means.T)).argmin(1)]
    on.xp.subtract(points, differences, out=differences)
    return on.fetch(on.row_squares(differences))


def by_group_distances(
    bank: FeatureBank,
    state: State,
    compute: Callable[[Float64s], Float64s],
    rows: Rows = plain_rows,
) -> Float64s:
    """Return ``compute(‖(x − μ_g) W_g‖₂²)`` for all x in ``rows(features)``, float64 (N,).

    compute: from float64 (n, G) of a block to (n,). state: means μ (G, D) and a whitening W
    (G, D, r) of each group; products have the precision of W.
    """
    means, matrices = state["means"], state["whitening"]
    features = features_of(bank, width=means.shape[1])
    # Rows and means are rounded to the precision of W relative to a point between the groups,
    # where they are small.
    origin = means.mean(axis=0)
    means = (means - origin).astype(matrices.dtype)
    on = device()
    origin_on_device, means_on_device = on.send(origin), on.send(means)
    products = [_Product(matrix) for matrix in matrices]

    def block(part: slice) -> Float64s:
        near = on.cast(on.send(rows(features[part])) - origin_on_device, matrices.dtype)
        squared = on.empty((len(near), len(means)))
        centred = on.empty(tuple(near.shape), matrices.dtype)
        for group, product in enumerate(products):
            on.xp.subtract(near, means_on_device[group], out=centred)
            white = product.of(centred, on.send_part(matrices, group))
            squared[:, group] = on.row_squares(white)
        return compute(on.fetch(squared))

    return by_rows(len(features), block)
