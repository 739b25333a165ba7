"""Sufficient statistics of a bank's features, each computed once and shared by all scorers.

One pass of N·D² operations gives the tied (within-class) scatter; the second moment about any
origin follows from it and the class means, without subtracting large numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.scorers.checks import features_of, head_of, train_features_of
from mood_sweeps.scorers.per_bank import once_per_bank
from mood_sweeps.scorers.rows import by_rows, row_blocks, row_products

__all__ = [
    "ClassStatistics",
    "class_statistics",
    "logit_origin",
    "principal_axes",
    "projected_norm",
]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """Classes that occur in the labels, in ascending order; a class without samples is left out.

    counts: int64 (C,). means: float64 (C, D).
    scatter: float64 (D, D), Σ_i (x_i − μ_{y_i})(x_i − μ_{y_i})ᵀ, not divided by N.
    """

    counts: npt.NDArray[np.int64]
    means: Float64s
    scatter: Float64s


def class_statistics(train: FeatureBank) -> ClassStatistics:
    """Return counts, means and the within-class scatter of the bank; Undefined without rows."""
    features = train_features_of(train)

    def compute() -> ClassStatistics:
        _, index, counts = np.unique(train.labels, return_inverse=True, return_counts=True)
        order = np.argsort(index, kind="stable")
        ends = np.cumsum(counts)
        means = np.stack(
            [
                features[order[end - count : end]].mean(axis=0, dtype=np.float64)
                for count, end in zip(counts, ends, strict=True)
            ]
        )
        scatter = np.zeros((features.shape[1], features.shape[1]))
        for rows in row_blocks(len(features)):
            centred = features[rows] - means[index[rows]]
            scatter += centred.T @ centred
        return ClassStatistics(counts.astype(np.int64), means, scatter)

    return once_per_bank(train, "class statistics", compute)


def logit_origin(head: Head | None, width: int) -> Float64s:
    """Return u = −W⁺b, float64 (D,): the feature whose logits are closest to zero (ViM, §3)."""
    head = head_of(head, width)
    # The weights are float32: singular values below its rounding are noise, not directions.
    rounding = float(np.finfo(np.float32).eps) * max(head.weight.shape)
    inverse = np.linalg.pinv(head.weight.astype(np.float64), rcond=rounding)
    origin: Float64s = -(inverse @ head.bias.astype(np.float64))
    return origin


def principal_axes(train: FeatureBank, origin: Float64s) -> Float64s:
    """Return the eigenvectors of E[(x − origin)(x − origin)ᵀ] as columns, largest first, (D, D)."""

    def compute() -> Float64s:
        statistics = class_statistics(train)
        shifted = statistics.means - origin
        moment = statistics.scatter + (shifted.T * statistics.counts) @ shifted
        axes: Float64s = np.linalg.eigh(moment / len(train))[1][:, ::-1]
        return np.ascontiguousarray(axes)

    return once_per_bank(train, ("principal axes", _digest(origin)), compute)


def projected_norm(bank: FeatureBank, origin: Float64s, axes: Float64s) -> Float64s:
    """Return ‖axesᵀ(x − origin)‖₂ of every row, float64 (N,); axes is (D, r), orthonormal."""
    features = features_of(bank, width=len(origin))

    def block(rows: slice) -> Float64s:
        projected = (features[rows] - origin) @ axes
        return np.sqrt(row_products(projected, projected))

    name = ("projected norm", _digest(origin), _digest(axes))
    return once_per_bank(bank, name, lambda: by_rows(len(features), block))


def _digest(array: Float64s) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
