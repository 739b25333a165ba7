"""Sufficient statistics of a bank's features, each computed once and shared by all scorers.

One pass of N·D² operations gives the tied (within-class) scatter; the second moment about any
origin follows from it and the class means, without subtracting large numbers. Rows are read in
blocks: besides the bank, memory holds a few (D, D) matrices and one block.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Floats, Head, Ints
from mood_sweeps.scorers.numeric.array_device import Array, device
from mood_sweeps.scorers.numeric.checked_arrays import (
    features_of,
    head_of,
    train_features_of,
    train_labels_of,
)
from mood_sweeps.scorers.numeric.once_per_bank import once_per_bank
from mood_sweeps.scorers.numeric.rows import row_blocks

__all__ = [
    "ClassStatistics",
    "RunningStatistics",
    "Scatter",
    "absolute_sums",
    "class_means",
    "class_statistics",
    "digest",
    "feature_mean",
    "logit_origin",
    "pooled_statistics",
    "principal_axes",
    "second_moment",
]

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """Statistics of the classes in the labels, in ascending order, without empty classes.

    counts: int64 (C,). means: float64 (C, D).
    scatter: float64 (D, D), Σ_i (x_i − μ_{y_i})(x_i − μ_{y_i})ᵀ, not divided by N.
    """

    counts: npt.NDArray[np.int64]
    means: Float64s
    scatter: Float64s

    @property
    def mean(self) -> Float64s:
        """The mean of all samples, float64 (D,)."""
        mean: Float64s = np.average(self.means, axis=0, weights=self.counts)
        return mean

    @property
    def variance(self) -> Float64s:
        """The variance of every dimension over all samples, float64 (D,)."""
        between = self.counts @ (self.means - self.mean) ** 2
        variance: Float64s = (np.diag(self.scatter) + between) / self.counts.sum()
        return variance

    def about(self, origin: Float64s) -> Float64s:
        """Return Σ_i (x_i − origin)(x_i − origin)ᵀ over all samples, float64 (D, D)."""
        shifted = self.means - origin
        about: Float64s = self.scatter + (shifted.T * self.counts) @ shifted
        return about


class Scatter:
    """The sum of XᵀX over blocks X (n, D) that are on the device."""

    def __init__(self, width: int) -> None:
        self._on = device()
        self._sum = self._on.send(np.zeros((width, width)))
        self._product = self._on.empty((width, width))

    def add(self, block: Array) -> None:
        """Add XᵀX of a float64 block X (n, D)."""
        # A matrix times its own transpose: BLAS computes half of it (dsyrk).
        self._sum += self._on.xp.matmul(block.T, block, out=self._product)

    def total(self) -> Float64s:
        """Return the sum, float64 (D, D)."""
        return self._on.fetch(self._sum)


def class_statistics(train: FeatureBank) -> ClassStatistics:
    """Return counts, means and the within-class scatter of the bank.

    Raises Undefined without rows, InputError without labels.
    """
    return _grouped_statistics(train, train_labels_of(train))


def pooled_statistics(train: FeatureBank) -> ClassStatistics:
    """Return statistics with the ``mean`` and ``about`` of all samples.

    Any grouping of the samples gives the same mean and ``about``. Known classes are the groups,
    because other scorers use the same statistics; else all samples are one group. Raises Undefined
    without rows.
    """
    labels = train.labels if len(train.labels) else np.zeros(len(train), dtype=np.int64)
    return _grouped_statistics(train, labels)


def _grouped_statistics(train: FeatureBank, labels: Ints) -> ClassStatistics:
    features = train_features_of(train)

    def compute() -> ClassStatistics:
        _, index = np.unique(labels, return_inverse=True)
        counts, means = class_means(features, index)
        on = device()
        means_on_device, scatter = on.send(means), Scatter(features.shape[1])
        for rows in row_blocks(len(features)):
            centred = means_on_device[on.send(index[rows])]
            on.xp.subtract(on.send_part(features, rows), centred, out=centred)
            scatter.add(centred)
        return ClassStatistics(counts, means, scatter.total())

    return once_per_bank(train, "class statistics", compute)


def class_means(
    features: Floats, index: Ints, classes: int = 0
) -> tuple[npt.NDArray[np.int64], Float64s]:
    """Return the count of each class, int64 (C,), and the class means, float64 (C, D).

    index: (N,), the class of every row, from 0. C is at least ``classes``; the mean of a class
    without rows is zero.
    """
    counts = np.bincount(index, minlength=classes).astype(np.int64)
    order, ends = np.argsort(index, kind="stable"), np.cumsum(counts)
    means = np.zeros((len(counts), features.shape[1]))
    for mean, count, end in zip(means, counts, ends, strict=True):
        members = order[end - count : end]
        for part in row_blocks(count):
            mean += features[members[part]].sum(axis=0, dtype=np.float64)
        mean /= max(count, 1)
    return counts, means


def feature_mean(train: FeatureBank) -> Float64s:
    """Return the mean of all train features, float64 (D,); Undefined without rows.

    Where the scatter is needed as well, ``pooled_statistics(train).mean`` saves one pass.
    """
    features = train_features_of(train)

    def compute() -> Float64s:
        total = np.zeros(features.shape[1])
        for rows in row_blocks(len(features)):
            total += features[rows].sum(axis=0, dtype=np.float64)
        return total / len(features)

    return once_per_bank(train, "feature mean", compute)


def absolute_sums(bank: FeatureBank) -> Float64s:
    """Return ‖x‖₁ of every row, float64 (N,), to a relative 1e-6."""
    features = features_of(bank)

    def compute() -> Float64s:
        sums = np.empty(len(features))
        for rows in row_blocks(len(features)):
            # NumPy adds a row's float32 pairwise; the scorer refuses sums that overflow.
            with np.errstate(over="ignore"):
                sums[rows] = np.abs(features[rows]).sum(axis=1)
        return sums

    return once_per_bank(bank, "absolute sums", compute)


def logit_origin(train: FeatureBank, head: Head | None) -> Float64s:
    """Return u = −W⁺b, float64 (D,): the feature with logits closest to zero (ViM, §3)."""
    head = head_of(head, train_features_of(train).shape[1])

    def compute() -> Float64s:
        # Singular values below the rounding of the weights are noise, not directions.
        rounding = float(np.finfo(head.weight.dtype).eps) * max(head.weight.shape)
        inverse = np.linalg.pinv(head.weight.astype(np.float64), rcond=rounding)
        origin: Float64s = -(inverse @ head.bias.astype(np.float64))
        return origin

    name = ("logit origin", digest(head.weight), digest(head.bias))
    return once_per_bank(train, name, compute)


def second_moment(train: FeatureBank, origin: Float64s) -> Float64s:
    """Return E[(x − origin)(x − origin)ᵀ] of the train features, float64 (D, D)."""
    return pooled_statistics(train).about(origin) / len(train)


def principal_axes(train: FeatureBank, origin: Float64s) -> tuple[Float64s, Float64s]:
    """Return the eigenvalues (D,) of the second moment about ``origin``, largest first, and the
    eigenvectors as columns (D, D).
    """

    def compute() -> tuple[Float64s, Float64s]:
        values, vectors = np.linalg.eigh(second_moment(train, origin))
        return values[::-1].copy(), np.ascontiguousarray(vectors[:, ::-1])

    return once_per_bank(train, ("principal axes", digest(origin)), compute)


def digest(array: npt.NDArray[Any]) -> bytes:
    """Return a hash of an array's content, 16 bytes: the name under which results are cached."""
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()


class RunningStatistics:
    """Counts, means and within-class scatter of the samples so far.

    The scatter of a block about its own class means is added, and then the difference of these
    means to the means so far (Chan, Golub and LeVeque, 1983). No large squares are subtracted, so
    that a constant has a scatter of exactly zero.
    """

    def __init__(self, classes: int, width: int) -> None:
        self._counts = np.zeros(classes, dtype=np.int64)
        self._means = np.zeros((classes, width))
        self._scatter = np.zeros((width, width))

    def add(self, samples: Float64s, classes: Ints) -> None:
        """Add samples (n, D) of the classes (n,), numbered from 0."""
        present, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
        means = np.zeros((len(present), samples.shape[1]))
        np.add.at(means, index, samples)
        means /= counts[:, None]
        centred = samples - means[index]
        shift = means - self._means[present]
        before, after = self._counts[present], self._counts[present] + counts
        moved = shift * np.sqrt(before * counts / after)[:, None]
        self._scatter += centred.T @ centred + moved.T @ moved
        self._means[present] += shift * (counts / after)[:, None]
        self._counts[present] = after

    def statistics(self) -> ClassStatistics:
        """Return the statistics of the classes that occurred."""
        seen = self._counts > 0
        return ClassStatistics(self._counts[seen], self._means[seen], self._scatter)
