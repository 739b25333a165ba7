"""Mahalanobis distances as Euclidean ones, between features that a covariance has whitened."""

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
from mood_sweeps.scorers.numeric.row_blocks import by_rows
from mood_sweeps.scorers.numeric.subspace_projection import as_single, centred_rows
from mood_sweeps.scorers.numeric.unit_features import Rows, plain_rows
from mood_sweeps.scorers.scorer import State

__all__ = [
    "by_group_distances",
    "left_out",
    "lower_inverse",
    "nearest_squared",
    "nearest_state",
    "nearest_there",
    "nearest_to",
    "raised",
    "whitening",
]

Float64s = npt.NDArray[np.float64]

# Columns of a triangular matrix that are multiplied at once: the rows below them are skipped.
_PANEL = 128
# Where float32 keeps a squared distance exact to 1e-6: the terms of a whitened coordinate may be so
# many times the root of the number of coordinates. Where these are few, float64 costs little.
_GROWTH, _MANY = 8.0, 64


def whitening(covariance: Float64s, rounding: Float64s | float, where: str = "") -> Float64s:
    """Return W (D, r), float64, with W Wᵀ = Σ⁺: the covariance of xW is the identity.

    Directions in which nothing varies are left out, and so are those with no more variance than
    rounding gives: ``rounding`` is that of every dimension of the features, (D,) (see
    `rounding_variance`), or of all; 0 where Σ was made regular on purpose. The rounding of Σ
    itself, float64, is allowed for. Which directions count is decided with each dimension in units
    of its rounding: a dimension that is large or far from zero then hides no other. Where all are
    kept, W is upper triangular, unless Σ is close to singular. Raises Undefined where no direction
    is left; ``where`` ends its message.
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


def left_out(what: str, width: int, kept: int) -> tuple[str, ...]:
    """Return the note that ``what`` is singular, if fewer than ``width`` dimensions were kept."""
    if kept == width:
        return ()
    return (f"{what} is singular: {width - kept} of {width} dimensions left out",)


def raised(covariance: Float64s, share: float, rounding: Float64s | float) -> Float64s:
    """Return a shrunk Σ, in no direction less than the variance that rounding may have made.

    rounding: of every dimension, (D,), or of all: its eigenvalues in these units are raised to 1.

    share: δ of `ledoit_wolf`, by which it was shrunk towards δ·m·I, m = tr Σ / D: mostly that is
    far above rounding, and Σ is returned as it is.
    """
    if share * np.trace(covariance) > np.max(rounding) * len(covariance):
        return covariance
    units = _units(covariance, rounding)
    values, vectors = np.linalg.eigh(covariance / np.outer(units, units))
    vectors *= units[:, None]
    regular: Float64s = (vectors * np.maximum(values, 1)) @ vectors.T
    return regular


def _units(covariance: Float64s, rounding: Float64s | float) -> Float64s:
    """Return the deviation that rounding may give to every dimension, (D,): of the features, or of
    Σ itself, float64. It is the smallest of the others where a dimension is always 0.
    """
    own = np.finfo(np.float64).eps * len(covariance) * np.diag(covariance)
    units = np.sqrt(np.maximum(own, rounding))
    positive = units > 0
    return np.where(positive, units, units[positive].min(initial=1.0))


def _scaled_whitening(covariance: Float64s, units: Float64s, where: str) -> Float64s:
    """Return W with W Wᵀ = Σ⁺, Σ without what is below 1 where dimensions are in their units.

    Σ⁺ is taken in these units where rounding would come back otherwise.
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
        # Dimensions are of such different size that xW would have more rounding than variance.
        matrix = vectors[:, kept] / np.sqrt(values[kept]) / units[:, None]
    return np.ascontiguousarray(matrix)


def _triangular_whitening(covariance: Float64s, rounding: float) -> Float64s | None:
    """Return the inverse of Σ's upper Cholesky factor, unless a variance may be rounding.

    The smallest eigenvalue of Σ is at least 1 / tr Σ⁻¹ and the largest at most tr Σ: what passes
    has full rank by any rule, and an inverse that is as good as one by eigenvalues.
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
    """Return the inverse of a lower triangular matrix, half by half: D³ / 3 operations."""
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

    centre: amid the data. matrix: W, float64 (D, r). means: (C, D), not yet whitened. variance: of
    every dimension of the data about the centre, (D,), which decides whether products in float32
    are exact enough.
    """
    count = matrix.shape[1]
    # A whitened coordinate is about 1; the terms it is a sum of are about this in total, each with
    # a rounding error of 6e-8.
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
    """Return min_c ‖(x − centre) W − m_c‖₂² of every row as ``rows`` makes it, float64 (N,).

    state: centre (D,), whitening W (D, r) and means m (C, r), see ``nearest_state``.
    """
    centre, matrix, means = state["centre"], state["whitening"], state["means"]
    features = features_of(bank, width=len(centre))

    def compute() -> Float64s:
        on, product = device(), _Product(matrix)
        centred = centred_rows(features, centre, matrix.dtype, rows)
        whitening, whitened = on.take(matrix), on.take(means)

        def block(part: slice) -> Float64s:
            return nearest_there(whitened, product.of(centred(part), whitening))

        return by_rows(len(features), block)

    name = ("nearest squared", rows, digest(centre), digest(matrix), digest(means))
    return once_per_bank(bank, name, compute)


class _Product:
    """X W on the device, for one W (D, r); where it is upper triangular, its zeros are skipped."""

    def __init__(self, matrix: Floats) -> None:
        depth, width = matrix.shape
        self._width, self._dtype = width, matrix.dtype
        # Columns to multiply at once, and how many leading rows of them are not all zero.
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


def nearest_to(means: Floats, points: Floats) -> Float64s:
    """Return min_c ‖p − m_c‖₂² of points (n, r) and means (C, r), float64 (n,), never negative.

    Which one is nearest is seen from ‖m‖² − 2pᵀm; its distance is then taken from the difference,
    which is small where p is near to it.
    """
    on = device()
    return nearest_there(on.take(means), on.take(points))


def nearest_there(means: Array, points: Array) -> Float64s:
    """As ``nearest_to``, of means and points that are on the device."""
    on = device()
    if len(means) == 1:
        return on.give(on.row_squares(points - means))
    squares = on.xp.einsum("ij,ij->i", means, means)
    differences = means[(squares - 2 * (points @ means.T)).argmin(1)]
    on.xp.subtract(points, differences, out=differences)
    return on.give(on.row_squares(differences))


def by_group_distances(
    bank: FeatureBank,
    state: State,
    compute: Callable[[Float64s], Float64s],
    rows: Rows = plain_rows,
) -> Float64s:
    """Return float64 (N,): what ``compute`` makes of ‖(x − μ_g) W_g‖₂², float64 (n, G), of blocks.

    state: means μ (G, D) and a whitening W (G, D, r) of each group, in the precision of which the
    products are done. rows: what is made of the features first.
    """
    means, matrices = state["means"], state["whitening"]
    features = features_of(bank, width=means.shape[1])
    # Rows and means are rounded where they are small: about a place amid the groups.
    origin = means.mean(axis=0)
    means = (means - origin).astype(matrices.dtype)
    on = device()
    place, there = on.take(origin), on.take(means)
    products = [_Product(matrix) for matrix in matrices]

    def block(part: slice) -> Float64s:
        near = on.cast(on.take(rows(features[part])) - place, matrices.dtype)
        squared = on.empty((len(near), len(means)))
        centred = on.empty(tuple(near.shape), matrices.dtype)
        for group, product in enumerate(products):
            on.xp.subtract(near, there[group], out=centred)
            white = product.of(centred, on.part(matrices, group))
            squared[:, group] = on.row_squares(white)
        return compute(on.give(squared))

    return by_rows(len(features), block)
